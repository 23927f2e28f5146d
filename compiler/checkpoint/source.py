"""Where a checkpoint's files come from: a folder, or (in `compiler.hub`) a Hub repository."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.checkpoint.findings import error, failure, near, printable, quoted
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity, Span

if TYPE_CHECKING:
    from compiler.reader import Document

LFS_POINTER = b"version https://git-lfs.github.com/spec/"


class Source(ABC):
    """Named files of one checkpoint. Every failure is a `CrossloomError`."""

    commit: str | None = None
    """The Hub commit that `files` belongs to; None for a folder."""

    @cached_property
    def documents(self) -> dict[str, Document]:
        """JSON files read so far, with the places of their fields."""
        return {}

    @cached_property
    def contents(self) -> dict[str, bytes]:
        """Small files read so far, whole."""
        return {}

    @abstractmethod
    def __str__(self) -> str:
        """How messages name the source: a path, or `organisation/name`."""

    @abstractmethod
    def files(self) -> list[str]:
        """Names of the files, sorted."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether `path(name)` would be found."""

    @abstractmethod
    def path(self, name: str) -> Path:
        """The whole file on disk, downloaded if need be."""

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of the file."""

    @abstractmethod
    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes `start:stop`, fewer only where the file ends before `stop`."""

    def label(self, name: str) -> str:
        """How messages name one of the files."""
        return f"{self}/{name}"

    def read_json(self, name: str) -> dict[str, Any]:
        """The object in a JSON file such as config.json; XL509 if malformed, XL516 for an LFS pointer."""
        path = self.path(name)
        with _opened(path):
            raw = path.read_bytes()
        if raw.startswith(LFS_POINTER):
            raise CrossloomError([lfs_pointer(self, name)])
        return parse_json_object(raw, self.label(name), str(path))

    def missing(self, name: str) -> CrossloomError:
        """XL514 for a name the source lacks."""
        names = self.files()
        help = near(name, names) or "put the file there, or give another checkpoint"
        if "spec.yaml" in names:
            help = f"a folder with a spec is loaded by that: give `{self.label('spec.yaml')}`"
        return failure(
            "XL514",
            f"`{self}` has no file `{name}`",
            info=[f"it holds {quoted(names)}" if names else "it holds no files"],
            help=help,
        )


class Folder(Source):
    """A folder on disk. Hidden files and sub-folders are not listed, but reachable by name."""

    def __init__(self, root: Path) -> None:
        """XL514 unless `root` is a readable folder."""
        self.root = root
        shown = printable(str(root))
        with _opened(root):
            if root.is_dir():
                return
            if root.exists():
                message = f"`{shown}` is a file, not a folder"
                raise failure("XL514", message, help=f"name its folder: `{root.parent}`")
            siblings = [entry.name for entry in root.parent.iterdir()] if root.parent.is_dir() else []
        raise failure(
            "XL514",
            f"the folder `{shown}` does not exist",
            help=near(root.name, siblings) or "check the path",
        )

    def __str__(self) -> str:
        return str(self.root)

    def files(self) -> list[str]:
        """Names of the visible files directly in the folder, sorted."""
        with _opened(self.root):
            return sorted(
                entry.name
                for entry in self.root.iterdir()
                if not entry.name.startswith(".") and entry.is_file()
            )

    def has(self, name: str) -> bool:
        """Whether the folder holds such a file."""
        try:
            return (self.root / name).is_file()
        except OSError:  # a name that the file system does not take
            return False

    def path(self, name: str) -> Path:
        """The file's path; XL514 with near names where there is none."""
        if not self.has(name):
            raise self.missing(name)
        return self.root / name

    def size(self, name: str) -> int:
        """Bytes of the file."""
        path = self.path(name)
        with _opened(path):
            return path.stat().st_size

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes `start:stop` of the file."""
        path = self.path(name)
        with _opened(path), path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)


def lfs_pointer(source: Source, name: str) -> Diagnostic:
    """XL516: the file was cloned without Git LFS."""
    return error(
        "XL516",
        f"`{source.label(name)}` is a Git LFS pointer, not the file itself",
        info=["a clone without Git LFS writes a three-line text in place of each large file"],
        help=f"run `git lfs pull` in `{source}`, or name the Hub repository itself",
    )


def parse_json_object(raw: bytes, label: str, file: str) -> dict[str, Any]:
    """The JSON object in `raw`; a key written twice, any other value, and malformed text are XL509."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=without_duplicates)
    except json.JSONDecodeError as malformed:
        span = Span(file, malformed.lineno, malformed.colno, malformed.lineno, malformed.colno + 1)
        message = f"`{label}` is not JSON: {malformed.msg}"
        raise CrossloomError([Diagnostic("XL509", Severity.ERROR, message, (span,))]) from None
    except (
        ValueError,
        RecursionError,
    ) as malformed:  # not UTF-8, a key twice, numbers or nesting beyond reason
        reason = "nested too deeply" if isinstance(malformed, RecursionError) else str(malformed)
        raise failure("XL509", f"`{label}` is not JSON: {reason}") from None
    if not isinstance(value, dict):
        raise failure("XL509", f"`{label}` holds {type(value).__name__}, where an object was expected")
    return value


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `object_pairs_hook`: the object, or ValueError naming a key that occurs twice."""
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:200]!a} occurs twice")
            seen.add(key)
    return value


@contextmanager
def _opened(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as refused:
        reason = refused.strerror or str(refused)
        raise failure("XL514", f"`{printable(str(path))}` cannot be read: {reason}") from None
