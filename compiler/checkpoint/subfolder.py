"""A folder inside a checkpoint, as a checkpoint of its own."""

from __future__ import annotations

from pathlib import Path

from compiler.checkpoint.source import Source


class Subfolder(Source):
    """The files of another source whose names begin with a folder."""

    def __init__(self, parent: Source, folder: str) -> None:
        self._parent = parent
        self._folder = folder
        self.commit = parent.commit

    def __str__(self) -> str:
        return self._parent.label(self._folder)

    def files(self) -> list[str]:
        """Names of its files that the other source lists."""
        start = f"{self._folder}/"
        return [name.removeprefix(start) for name in self._parent.files() if name.startswith(start)]

    def has(self, name: str) -> bool:
        """Whether it holds such a file."""
        return self._parent.has(f"{self._folder}/{name}")

    def path(self, name: str) -> Path:
        """The whole file on disk."""
        return self._parent.path(f"{self._folder}/{name}")

    def size(self, name: str) -> int:
        """Bytes of the file."""
        return self._parent.size(f"{self._folder}/{name}")

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes `start:stop`, fewer only where the file ends before `stop`."""
        return self._parent.read_range(f"{self._folder}/{name}", start, stop)
