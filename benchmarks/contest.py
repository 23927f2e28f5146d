"""One row: fresh workers prepare, their outputs are compared, and then they are asked in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch

from benchmarks.agreement import Disagreement, Outputs, require_agreement, require_no_worse
from benchmarks.folders import Checkpoints
from benchmarks.results import Measured, Result
from benchmarks.rows import Row, Side
from benchmarks.workers import Worker, WorkerFailed
from runtime.measuring.samples import Sample

ROUNDING = 1.5
"""How much further from float32 than the anchor of the same narrow dtype ours may lie."""


class Outcome(NamedTuple):
    """What a row gave; `failures` are sides that ended, could not do it, or gave something else."""

    result: Result | None
    failures: tuple[str, ...]


class Machine:
    """A worker beside those of the rows, for what depends on no side: peaks, limits, conditions."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def tell(self, function: str, **options: Any) -> dict[str, Any]:
        """What a function of `benchmarks.sides.machine` tells."""
        told: dict[str, Any] = self._worker.ask(
            "call", module="sides.machine", function=function, options=options
        )
        return told


class _Contender:
    """A side in its process."""

    def __init__(self, side: Side, worker: Worker) -> None:
        self.side, self.worker = side, worker
        self._file: Path | None = None
        self.pieces = 1
        self.peak_before = 0
        self.samples: list[Sample] = []
        self.waits: list[Sample] = []

    def prepare(self, options: dict[str, Any], file: Path | None) -> Callable[[], None]:
        """Begin to prepare, with outputs to a file; the function given waits until that is done."""
        self._file = file
        asked = {"module": f"sides.{self.side.module}", "function": self.side.task, "options": options}
        wait = self.worker.begin("prepare", **asked, outputs=file and str(file))

        def done() -> None:
            self.pieces = wait()["pieces"]

        return done

    def outputs(self) -> Outputs:
        """What the work gave."""
        assert self._file is not None, "it was asked to keep them"
        loaded: Outputs = torch.load(self._file, weights_only=True)
        return loaded

    def warm(self) -> None:
        """Warm up."""
        self.peak_before = self.worker.ask("warm")["peak_before"]

    def take(self) -> None:
        """Take a sample."""
        sample, waited = self.worker.sample()
        self.samples.append(sample)
        self.waits.append(waited)

    def measured(self) -> Measured:
        """All of it."""
        return Measured(
            label=self.side.label,
            is_ours=self.side.is_ours,
            pieces=self.pieces,
            samples=tuple(self.samples),
            peak_before=self.peak_before,
            idle=sum(one.processor for one in self.waits) / sum(one.seconds for one in self.waits),
        )


def run(row: Row, rounds: int, threads: int, machine: Machine, checkpoints: Checkpoints) -> Outcome:
    """Measure a row. A side of ours that fails is left out; without all of its anchors there is no row."""
    started = time.perf_counter()
    failures: list[str] = []
    with TemporaryDirectory() as folder, ExitStack() as processes:

        def begun(sides: Iterable[Side]) -> list[_Contender]:
            workers = [(side, Worker(f"{row.name}, {side.name}", threads)) for side in sides]
            return [_Contender(side, processes.enter_context(worker)) for side, worker in workers]

        contenders = _prepared(begun(row.sides), checkpoints, failures, Path(folder))
        contenders = _agreeing(row, contenders, failures)
        if row.is_fresh:
            for one in contenders:
                one.worker.close()
            contenders = _prepared(begun(one.side for one in contenders), checkpoints, failures, None)
        if not any(one.side.is_ours for one in contenders):
            return Outcome(None, tuple(failures))
        before = machine.tell("peaks")
        try:
            for one in contenders:
                one.warm()
            for _ in range(rounds):
                for one in contenders:
                    one.take()
        except WorkerFailed as error:
            return Outcome(None, (*failures, str(error)))
        after = machine.tell("peaks")
    peaks = {name: max(before[name], after[name]) for name in before}
    limit = _limit(row, peaks, machine, checkpoints)
    result = Result(
        title=row.title,
        date=date.today().isoformat(),
        wall=time.perf_counter() - started,
        peaks=peaks,
        limit=limit,
        sides=tuple(one.measured() for one in contenders),
        **machine.tell("conditions"),
    )
    return Outcome(result, tuple(failures))


def _prepared(
    contenders: Sequence[_Contender], checkpoints: Checkpoints, failures: list[str], outputs: Path | None
) -> list[_Contender]:
    """Those that could be; they prepare side by side, for nothing is timed yet."""
    waiting, ready = [], []
    for number, one in enumerate(contenders):
        file = outputs and outputs / f"{number}.pt"
        waiting.append((one, one.prepare(checkpoints.placed(one.side.options), file)))
    for one, done in waiting:
        try:
            done()
            ready.append(one)
        except WorkerFailed as error:
            failures.append(str(error))
    return ready


def _agreeing(row: Row, contenders: Sequence[_Contender], failures: list[str]) -> list[_Contender]:
    """The anchors, and those of ours that give what the anchors give; nobody, where an anchor is missing."""
    anchors = [one for one in contenders if not one.side.is_ours]
    if len(anchors) < sum(not side.is_ours for side in row.sides):
        return []
    outputs = [one.outputs() for one in anchors]
    kept = []
    for one in contenders:
        if one.side.is_ours and outputs:
            try:
                if row.is_rounded:
                    require_no_worse(one.outputs(), outputs[-1], outputs[0], ROUNDING)
                else:
                    require_agreement(one.outputs(), outputs[0], row.tolerance)
            except Disagreement as error:
                failures.append(f"{one.worker.name}: {error}")
                continue
        kept.append(one)
    return kept


def _limit(row: Row, peaks: dict[str, float], machine: Machine, checkpoints: Checkpoints) -> float | None:
    """Arithmetic and reading, each at the machine's best, one after the other."""
    if row.limit is None:
        return None
    needed: dict[str, float] = machine.tell(row.limit.task, **checkpoints.placed(row.limit.options))
    rates = {**peaks, "bytes": peaks["bandwidth"]}
    return sum(amount / rates[kind] for kind, amount in needed.items())
