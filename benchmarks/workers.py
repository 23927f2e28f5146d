"""The asking end of a worker: a process started fresh, asked one thing at a time, ended with its row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any

from runtime.measuring.samples import Sample

ROOT = Path(__file__).parents[1]

_SHOWN = 15
"""Lines of what a process that ended wrote last."""


class WorkerFailed(Exception):
    """A worker ended, or could not do what it was asked to; the text says what it said."""


class Worker:
    """One process of `benchmarks.worker`. Its name is what errors call it."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self._errors: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(threads),
            cwd=ROOT,
            text=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, do: str, **arguments: Any) -> Callable[[], Any]:
        """Ask, and give the function that waits for the answer: several workers may be busy at once."""
        assert self._process.stdin is not None, "it is a pipe"
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        return self._answer

    def ask(self, do: str, **arguments: Any) -> Any:
        """Ask, and wait."""
        return self.begin(do, **arguments)()

    def sample(self) -> tuple[Sample, Sample]:
        """A sample, and what the process had taken while it waited for this."""
        told = self.ask("sample")
        return Sample(*told["sample"]), Sample(*told["waited"])

    def close(self) -> None:
        """End the process: its requests are over."""
        assert self._process.stdin is not None, "it is a pipe"
        assert self._process.stdout is not None, "it is a pipe"
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None, "it is a pipe"
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerFailed(f"{self.name}: {answer['error'].rstrip()}")
        return answer["result"]

    def _ended(self) -> WorkerFailed:
        code = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").splitlines()[-_SHOWN:]
        return WorkerFailed("\n".join([f"{self.name}: the process ended with {code}", *last]))


def environment(threads: int) -> Mapping[str, str]:
    """Both sides with as many threads, this tree first among what can be imported, and no network.

    Both keep their bytecode, as installed programs do: a source tree would otherwise be compiled in every
    process, and packages that were compiled when they were installed would not.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**inherited, **offline, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads)}
