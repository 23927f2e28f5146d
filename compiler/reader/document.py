"""What the reader returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from compiler.diagnostics.model import Diagnostic, Span

Path: TypeAlias = tuple[str | int, ...]
"""The way from the top of a document to a value: map keys and list indices."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as plain data, with the place of every key and value.

    `data` is built of dict, list, str, int, float, bool and None. It is None where the file could
    not be read at all; `diagnostics` then says why. `values[path]` and `keys[path]` are spans;
    `values[()]` is the whole document. A path in `poisoned` was already reported: its value is a
    stand-in, and a second finding about it (or anything below it) would repeat the first.
    """

    file: str
    text: str
    data: Any
    values: dict[Path, Span]
    keys: dict[Path, Span]
    poisoned: frozenset[Path]
    diagnostics: list[Diagnostic]

    def locate(self, path: Path) -> Span:
        """The place to show for `path`: its value, or what encloses it most closely where it is absent.

        An enclosing map is shown by its key, because a map as a whole may span many lines.
        """
        if path in self.values:
            return self.values[path]
        for length in range(len(path) - 1, 0, -1):
            if place := self.keys.get(path[:length]) or self.values.get(path[:length]):
                return place
        return Span(self.file, 1, 1, 1, 1)

    def beginning(self) -> Span:
        """The place to show for the document as a whole: the first key of the file itself."""
        own = [span for span in self.keys.values() if span.file == self.file]
        return min(own, default=self.locate(()))

    def is_poisoned(self, path: Path) -> bool:
        """Whether `path`, or anything that encloses it, was already reported."""
        return any(path[:length] in self.poisoned for length in range(len(path) + 1))
