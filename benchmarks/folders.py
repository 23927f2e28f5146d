"""Folders of weights that both sides load, written when a row first needs them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.workers import Worker

SIGN = "@"
"""What the name of a checkpoint begins with: `@s2t-small`, or a file in it, `@s2t-small/noise.wav`."""


class Checkpoints:
    """Written below one folder, each by a process of its own, so that nothing of it stays in memory."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder, self._threads = folder, threads
        self._written: dict[str, Path] = {}

    def placed(self, value: Any) -> Any:
        """An option, or options, with every name of a checkpoint as its path."""
        if isinstance(value, Mapping):
            return {name: self.placed(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.placed(one) for one in value]
        if isinstance(value, str) and value.startswith(SIGN):
            name, _, file = value.removeprefix(SIGN).partition("/")
            return str(self._path(name) / file)
        return value

    def _path(self, name: str) -> Path:
        if name not in self._written:
            folder = self._folder / name
            with Worker(f"the checkpoint {name}", self._threads) as worker:
                options = {"name": name, "folder": str(folder)}
                worker.ask("call", module="checkpoints", function="write", options=options)
            self._written[name] = folder
        return self._written[name]
