"""A process that does one side's work when it is asked to: `python -m benchmarks.worker`.

Requests come as lines of JSON on standard input, answers go as such to standard output; whatever else is
written there goes to standard error. Between requests the process waits in a read, which costs no processor
time; each sample tells how much was spent all the same, by threads that had not yet gone to sleep.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.sides import Work
from runtime.measuring.memory import peak_resident, reset_peak_resident
from runtime.measuring.samples import Side, processor_seconds

MODULES = ("checkpoints", "sides.machine", "sides.ours", "sides.theirs", "sides.processes")
"""Where functions to call are looked for."""

SETTLING = 0.03
"""Seconds after work in which its threads, which watch for more, go to sleep; the answer comes behind."""


class Worker:
    """Answers requests, one after another, by the name of the method."""

    def __init__(self) -> None:
        self.work: Work | None = None
        self.side: Side | None = None
        self.rested = (time.perf_counter(), processor_seconds())

    def call(self, module: str, function: str, options: dict[str, Any]) -> Any:
        """A function's result, as JSON holds it."""
        return _function(module, function)(**options)

    def prepare(
        self, module: str, function: str, options: dict[str, Any], outputs: str | None
    ) -> dict[str, Any]:
        """Get work ready and save what it gives, unless nobody asks; tells the pieces of a sample."""
        import torch

        self.side = self.work = None
        gc.collect()
        self.work = _function(module, function)(**options)
        if outputs is not None:
            torch.save(dict(self.work.outputs()), outputs)
        return {"pieces": self.work.pieces}

    def warm(self) -> dict[str, Any]:
        """Warm up, on a machine on which nothing else is prepared; from here on memory counts anew."""
        assert self.work is not None, "prepare comes first"
        gc.collect()
        before = peak_resident()
        reset_peak_resident()
        self.side = self.work.side()
        return {"peak_before": before}

    def sample(self) -> dict[str, Any]:
        """Do the work once and say what that took, and what waiting for it had taken."""
        assert self.side is not None, "warm comes first"
        waited = [time.perf_counter() - self.rested[0], processor_seconds() - self.rested[1]]
        taken = self.side()
        peak = taken.peak_bytes if taken.peak_bytes is not None else peak_resident()
        return {"sample": [taken.seconds, taken.processor, peak], "waited": waited}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What a request gives; what goes wrong is an answer, too."""
        try:
            result = getattr(self, request.pop("do"))(**request)
        except Exception:
            return {"error": traceback.format_exc()}
        finally:
            time.sleep(SETTLING)
            self.rested = (time.perf_counter(), processor_seconds())
        return {"result": result}


def _function(module: str, function: str) -> Any:
    assert module in MODULES, f"{module} is none of {', '.join(MODULES)}"
    return getattr(import_module(f"benchmarks.{module}"), function)


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        answers.write(json.dumps(worker.answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
