"""A model as a folder: the inverse of loading."""
