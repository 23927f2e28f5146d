"""A checkpoint against a spec, before anything of it is loaded."""
