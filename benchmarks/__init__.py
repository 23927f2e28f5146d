"""Measurements against transformers: both sides in one run, outputs compared before anything is timed."""
