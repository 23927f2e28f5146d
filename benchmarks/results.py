"""What a run measured, kept as JSON so that rows measured one after another make one table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers

from benchmarks.rows import Row
from compiler.writing.files import replace_text
from runtime.measuring import Peaks, Series


class Result(NamedTuple):
    """One row: seconds for one piece of work, the anchor's absent where there is none.

    `contaminated` counts rounds in which either side was disturbed, `limit` is in seconds.
    """

    title: str
    date: str
    threads: int
    versions: str
    rounds: int
    contaminated: int
    ours: tuple[float, float]
    anchor: tuple[float, float] | None
    peak_bytes: tuple[int, int] | None
    limit: float | None
    bandwidth: float
    operations: float

    @property
    def ratios(self) -> tuple[float, float] | None:
        """How many times faster ours is: by the minima, and by the medians."""
        if self.anchor is None:
            return None
        return self.anchor[0] / self.ours[0], self.anchor[1] / self.ours[1]

    @property
    def fraction(self) -> float | None:
        """How near ours comes to reading everything once at full bandwidth."""
        return None if self.limit is None else self.limit / self.ours[0]


def result_of(row: Row, series: Sequence[Series], peaks: Peaks) -> Result:
    """Summarise the samples of a row's one or two sides."""
    ours, anchor = series[0], series[1] if len(series) > 1 else None
    disturbed = set(ours.contaminated) | set(anchor.contaminated if anchor else ())
    memory = (ours.peak_bytes, anchor.peak_bytes if anchor else None)
    return Result(
        title=row.title,
        date=date.today().isoformat(),
        threads=torch.get_num_threads(),
        versions=f"torch {torch.__version__}, transformers {transformers.__version__}",
        rounds=len(ours.samples),
        contaminated=len(disturbed),
        ours=(ours.minimum / row.count, ours.median / row.count),
        anchor=(anchor.minimum / row.anchor_count, anchor.median / row.anchor_count) if anchor else None,
        peak_bytes=(memory[0], memory[1]) if memory[0] is not None and memory[1] is not None else None,
        limit=row.limit,
        bandwidth=peaks.bandwidth,
        operations=peaks.operations,
    )


def read_results(file: Path) -> dict[str, Result]:
    """Results by row name; none where there is no file."""
    if not file.exists():
        return {}
    stored: dict[str, dict[str, Any]] = json.loads(file.read_text())
    return {name: Result(**fields) for name, fields in stored.items()}


def write_results(file: Path, results: dict[str, Result]) -> None:
    """Replace the file in one step."""
    fields = {name: result._asdict() for name, result in results.items()}
    replace_text(file, json.dumps(fields, indent=1) + "\n")
