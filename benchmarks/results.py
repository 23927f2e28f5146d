"""What a run measured, kept as JSON with every sample, so that rows of several runs make one table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from compiler.writing.files import replace_text
from runtime.measuring.samples import Sample, Series


@dataclass(frozen=True, slots=True)
class Measured:
    """One side of a row.

    Attributes:
        label: how it is compiled, if it is ours; else what it is.
        pieces: how many pieces of work a sample is for.
        samples: in the order in which they were taken.
        peak_before: most memory while it loaded and compiled, in bytes; a sample's own is after that.
        idle: share of a core that it used while it waited for its turn.
    """

    label: str
    is_ours: bool
    pieces: int
    samples: tuple[Sample, ...]
    peak_before: int
    idle: float

    @property
    def series(self) -> Series:
        """The samples, and what can be said of them together."""
        return Series(list(self.samples))

    @property
    def minimum(self) -> float:
        """Least seconds for one piece of work."""
        return self.series.minimum / self.pieces

    @property
    def median(self) -> float:
        """Middle seconds for one piece of work."""
        return self.series.median / self.pieces

    @property
    def peak(self) -> int | None:
        """Most memory of any sample, in bytes."""
        return self.series.peak_bytes


@dataclass(frozen=True, slots=True)
class Result:
    """One row.

    Attributes:
        wall: seconds that measuring it took, processes and compilation included.
        peaks: what the machine reached beside it, by the names of `runtime.measuring.Peaks`.
        limit: least seconds for one piece of work: its arithmetic at the peak of matrix products, and what it
            must read at that of memory. None where nothing of it is counted.
    """

    title: str
    date: str
    threads: int
    versions: str
    machine: str
    wall: float
    peaks: dict[str, float]
    limit: float | None
    sides: tuple[Measured, ...]

    @property
    def ours(self) -> list[Measured]:
        """Our sides, one for each way to compile."""
        return [side for side in self.sides if side.is_ours]

    @property
    def anchors(self) -> list[Measured]:
        """What they are held against: first the one that goals name, last the one of our dtype."""
        return [side for side in self.sides if not side.is_ours]

    def side(self, label: str) -> Measured | None:
        """The side of that label."""
        return next((side for side in self.sides if side.label == label), None)


class Comparison(NamedTuple):
    """One of our sides against one anchor: a line of the table."""

    result: Result
    ours: Measured
    anchor: Measured | None

    @property
    def ratios(self) -> tuple[float, float] | None:
        """How many times faster ours is: by the minima, and by the medians."""
        if self.anchor is None:
            return None
        return self.anchor.minimum / self.ours.minimum, self.anchor.median / self.ours.median

    @property
    def fraction(self) -> float | None:
        """How near ours comes to the least time, by the minimum."""
        return None if self.result.limit is None else self.result.limit / self.ours.minimum

    @property
    def memory(self) -> float | None:
        """Our peak memory as a share of the anchor's."""
        if self.anchor is None or not self.ours.peak or not self.anchor.peak:
            return None
        return self.ours.peak / self.anchor.peak

    @property
    def contaminated(self) -> list[int]:
        """Rounds in which either side was disturbed."""
        others = self.anchor.series.contaminated if self.anchor else []
        return sorted({*self.ours.series.contaminated, *others})


def comparisons(result: Result) -> Iterator[Comparison]:
    """Each of our sides against each anchor."""
    anchors: list[Measured | None] = [*result.anchors] or [None]
    for anchor in anchors:
        for ours in result.ours:
            yield Comparison(result, ours, anchor)


def read_results(file: Path) -> dict[str, Result]:
    """Results by row name; none where there is no file."""
    if not file.exists():
        return {}
    stored: dict[str, dict[str, Any]] = json.loads(file.read_text())
    return {name: _result(fields) for name, fields in stored.items()}


def write_results(file: Path, results: dict[str, Result]) -> None:
    """Replace the file in one step."""
    fields = {name: asdict(result) for name, result in results.items()}
    replace_text(file, json.dumps(fields, indent=1) + "\n")


def _result(fields: dict[str, Any]) -> Result:
    sides = tuple(
        Measured(**{**side, "samples": tuple(Sample(*one) for one in side["samples"])})
        for side in fields["sides"]
    )
    return Result(**{**fields, "sides": sides})
