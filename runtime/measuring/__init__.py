"""Measuring: interleaved samples, the peaks of the machine, and what a decode step has to read."""

from runtime.measuring.decode_step import step_bytes
from runtime.measuring.model import Timing, input_sizes, measure_model
from runtime.measuring.peaks import Peaks, measure_peaks
from runtime.measuring.samples import Sample, Series, interleave, measured, spawned, timed

__all__ = [
    "Peaks",
    "Sample",
    "Series",
    "Timing",
    "input_sizes",
    "interleave",
    "measure_model",
    "measure_peaks",
    "measured",
    "spawned",
    "step_bytes",
    "timed",
]
