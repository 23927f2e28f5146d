"""A side in its process: what it is asked for, and what it told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.agreement import Outputs
from benchmarks.results import Measured
from benchmarks.rows import Side
from benchmarks.workers import Worker
from runtime.measuring.samples import Sample


class Contender:
    """One side of a row, while the row is measured."""

    def __init__(self, side: Side, worker: Worker) -> None:
        self.side, self.worker = side, worker
        self._file: Path | None = None
        self._pieces = 1
        self._peak_before = 0
        self._samples: list[Sample] = []
        self._waits: list[Sample] = []

    def prepare(self, options: dict[str, Any], file: Path | None) -> Callable[[], None]:
        """Begin to prepare, with outputs to a file; the function given waits until that is done."""
        self._file = file
        asked = {"module": f"sides.{self.side.module}", "function": self.side.task, "options": options}
        wait = self.worker.begin("prepare", **asked, outputs=file and str(file))

        def done() -> None:
            self._pieces = wait()["pieces"]

        return done

    def outputs(self) -> Outputs:
        """What the work gave."""
        assert self._file is not None, "it was asked to keep them"
        loaded: Outputs = torch.load(self._file, weights_only=True)
        return loaded

    def warm(self) -> None:
        """Warm up."""
        self._peak_before = self.worker.ask("warm")["peak_before"]

    def take(self) -> None:
        """Take a sample."""
        sample, waited = self.worker.sample()
        self._samples.append(sample)
        self._waits.append(waited)

    def measured(self) -> Measured:
        """All of it."""
        return Measured(
            label=self.side.label,
            is_ours=self.side.is_ours,
            pieces=self._pieces,
            samples=tuple(self._samples),
            peak_before=self._peak_before,
            idle=sum(one.processor for one in self._waits) / sum(one.seconds for one in self._waits),
        )
