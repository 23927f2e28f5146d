"""Measurements against transformers: a process a side, outputs compared before anything is timed."""
