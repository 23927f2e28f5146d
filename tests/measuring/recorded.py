"""Results made up for tests: what is shown of them is known."""

from __future__ import annotations

from benchmarks.results import Measured, Result
from runtime.measuring.samples import Sample

PEAKS = {"bandwidth": 50e9, "operations": 200e9, "operations_bfloat16": 400e9}


def measured(label: str, is_ours: bool, *seconds: float, pieces: int = 1, peak: int = 10**6) -> Measured:
    """A side whose samples took so long, and as much processor time."""
    samples = tuple(Sample(one, one, peak) for one in seconds)
    return Measured(label, is_ours, pieces, samples, peak_before=2 * peak, idle=0.002)


def result(*sides: Measured, title: str = "decode <fast>", limit: float | None = None) -> Result:
    """A row of these sides."""
    return Result(title, "2026-01-02", 2, "torch 2.13", "x86_64", 60.0, PEAKS, limit, sides)


def decoding() -> Result:
    """Eager, fast and max beside transformers: 2, 1.5 and 4 times as fast by medians; 75 % of the limit."""
    return result(
        measured("eager", True, 5.0, 4.0, 6.0, peak=600_000),
        measured("fast", True, 6.0, 7.0, 20 / 3, peak=690_000),
        measured("max", True, 2.0, 2.5, 3.0, peak=900_000),
        measured("transformers", False, 8.0, 10.0, 12.0, peak=10**6),
        limit=1.5,
    )
