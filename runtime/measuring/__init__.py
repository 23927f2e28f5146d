"""Measuring: interleaved samples, the peaks of the machine, and what a decode step has to read."""

from runtime.measuring.peaks import Peaks, measure_peaks
from runtime.measuring.samples import Sample, Series, interleave, measured, spawned, timed

__all__ = ["Peaks", "Sample", "Series", "interleave", "measure_peaks", "measured", "spawned", "timed"]
