"""One row: workers prepare, their outputs are compared, and then they are asked in turn."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.agreement import Disagreement, require_agreement, require_no_worse
from benchmarks.contender import Contender
from benchmarks.folders import Checkpoints
from benchmarks.results import Result
from benchmarks.rows import Row, Side
from benchmarks.workers import Worker, WorkerFailed

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


@dataclass(frozen=True, slots=True)
class Contest:
    """How rows are measured: with so many rounds and threads, on checkpoints that are written when needed."""

    machine: Machine
    checkpoints: Checkpoints
    rounds: int
    threads: int

    def run(self, row: Row, workers: Mapping[str, Worker] | None = None) -> Outcome:
        """Measure a row, in processes started for it, or in `workers` by the sides' labels.

        A side of ours that fails is left out; without all of its anchors there is no row.
        """
        started = time.perf_counter()
        failures: list[str] = []
        with TemporaryDirectory() as folder, ExitStack() as processes:
            contenders = [
                Contender(
                    side, workers[side.label] if workers else processes.enter_context(self._begun(row, side))
                )
                for side in row.sides
            ]
            contenders = self._prepared(contenders, failures, Path(folder))
            contenders = _agreeing(row, contenders, failures)
            if row.is_fresh:
                for one in contenders:
                    one.worker.close()
                sides = [one.side for one in contenders]
                fresh = [Contender(side, processes.enter_context(self._begun(row, side))) for side in sides]
                contenders = self._prepared(fresh, failures, None)
            if not any(one.side.is_ours for one in contenders):
                return Outcome(None, tuple(failures))
            before = self.machine.tell("peaks")
            try:
                self._sample(contenders)
            except WorkerFailed as error:
                return Outcome(None, (*failures, str(error)))
            after = self.machine.tell("peaks")
        peaks = {name: max(before[name], after[name]) for name in before}
        result = Result(
            title=row.title,
            date=date.today().isoformat(),
            wall=time.perf_counter() - started,
            peaks=peaks,
            limit=self._limit(row, peaks),
            sides=tuple(one.measured() for one in contenders),
            **self.machine.tell("conditions"),
        )
        return Outcome(result, tuple(failures))

    def _begun(self, row: Row, side: Side) -> Worker:
        return Worker(f"{row.name}, {side.name}", self.threads)

    def _prepared(
        self, contenders: Sequence[Contender], failures: list[str], outputs: Path | None
    ) -> list[Contender]:
        """Those that could be. They prepare side by side, but for what is chosen there by measurement."""
        ready = []
        together = [one for one in contenders if not one.side.is_tuned]
        for group in (together, *([one] for one in contenders if one.side.is_tuned)):
            waiting = []
            for one in group:
                file = outputs and outputs / f"{contenders.index(one)}.pt"
                options = self.checkpoints.placed(one.side.options)
                waiting.append((one, one.prepare(options, file)))
            for one, done in waiting:
                try:
                    done()
                    ready.append(one)
                except WorkerFailed as error:
                    failures.append(str(error))
        return [one for one in contenders if one in ready]

    def _sample(self, contenders: Iterable[Contender]) -> None:
        """A B A B, so that a slow phase of the machine meets all of them."""
        for one in contenders:
            one.warm()
        for _ in range(self.rounds):
            for one in contenders:
                one.take()

    def _limit(self, row: Row, peaks: dict[str, float]) -> float | None:
        """Arithmetic and reading, each at the machine's best, one after the other."""
        if row.limit is None:
            return None
        options = self.checkpoints.placed(row.limit.options)
        needed: dict[str, float] = self.machine.tell(row.limit.task, **options)
        rates = {**peaks, "bytes": peaks["bandwidth"]}
        return sum(amount / rates[kind] for kind, amount in needed.items())


def _agreeing(row: Row, contenders: Sequence[Contender], failures: list[str]) -> list[Contender]:
    """The anchors, and those of ours that give what the anchors give; nobody, where an anchor is missing."""
    anchors = [one for one in contenders if not one.side.is_ours]
    if len(anchors) < sum(not side.is_ours for side in row.sides):
        return []
    outputs = [one.outputs() for one in anchors]
    kept = []
    for one in contenders:
        try:
            if one.side.is_ours and row.is_rounded:
                require_no_worse(one.outputs(), outputs[-1], outputs[0], ROUNDING)
            elif one.side.is_ours and outputs:
                require_agreement(one.outputs(), outputs[0], row.tolerance)
            kept.append(one)
        except Disagreement as error:
            failures.append(f"{one.worker.name}: {error}")
    return kept
