"""How long something takes, sampled so that both sides of a comparison meet the same noise."""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

CONTAMINATED = 1.15
"""A sample that took more processor time than this, over the least of its series, was disturbed."""

LEAST_SECONDS = 0.05
"""What a sample of something short lasts at least, by repetition: shorter ones vary."""

LONG_SECONDS = 0.5
"""What lasts as long even when it is cold is not repeated, and needs no second look."""


class Sample(NamedTuple):
    """One measurement: seconds on the clock, user + system seconds, and a process's peak memory in bytes."""

    seconds: float
    processor: float
    peak_bytes: int | None = None


Side = Callable[[], Sample]
"""Does its work once, and says what that took."""


@dataclass(frozen=True, slots=True)
class Series:
    """The samples of one side, in the order in which they were taken."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def minimum(self) -> float:
        """Least seconds."""
        return min(sample.seconds for sample in self.samples)

    @property
    def median(self) -> float:
        """Middle seconds, contaminated samples included."""
        return median(sample.seconds for sample in self.samples)

    @property
    def peak_bytes(self) -> int | None:
        """Middle of the largest memory, where the samples are processes."""
        peaks = [sample.peak_bytes for sample in self.samples if sample.peak_bytes is not None]
        return int(median(peaks)) if peaks else None

    @property
    def contaminated(self) -> list[int]:
        """Rounds that took over 15 % more processor time than the quietest one."""
        least = min(sample.processor for sample in self.samples)
        return [index for index, one in enumerate(self.samples) if one.processor > CONTAMINATED * least]


def interleave(sides: Sequence[Side], rounds: int) -> list[Series]:
    """Run the sides in turn, A B A B, so that a slow phase of the machine meets all of them."""
    series = [Series() for _ in sides]
    for _ in range(rounds):
        for side, samples in zip(sides, series, strict=True):
            samples.samples.append(side())
    return series


def measured(function: Callable[[], object], repeats: int = 1) -> Sample:
    """One sample of `function`, the mean of `repeats` calls."""
    before, started = processor_seconds(), time.perf_counter()
    for _ in range(repeats):
        function()
    seconds, processor = time.perf_counter() - started, processor_seconds() - before
    return Sample(seconds / repeats, processor / repeats)


def timed(function: Callable[[], object]) -> Side:
    """A side that calls `function`: warmed up here, and repeated where one call is too short to measure."""
    once = measured(function).seconds
    if once < LONG_SECONDS:
        once = measured(function).seconds
    repeats = max(1, math.ceil(LEAST_SECONDS / max(once, 1e-9)))
    return lambda: measured(function, repeats)


def spawned(arguments: Sequence[str]) -> Side:
    """A side that runs a process, start to end; it must succeed."""
    launcher = [sys.executable, "-S", str(Path(__file__).with_name("launcher.py"))]

    def run() -> Sample:
        told = subprocess.run([*launcher, *arguments], check=True, capture_output=True).stdout
        seconds, processor, peak_bytes, code = json.loads(told)
        if code:
            raise RuntimeError(f"{' '.join(arguments)} ended with {code}")
        return Sample(seconds, processor, peak_bytes)

    return run


def processor_seconds() -> float:
    """User + system seconds of this process, all of its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
