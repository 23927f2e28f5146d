"""The text that spans point into."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_LINE_BREAK = re.compile("\r\n|\n|\r")
_MOST_BYTES = 4 * 1024 * 1024


def line_starts(text: str) -> list[int]:
    """The offset of the first character of every line, line 1 first."""
    return [0, *(match.end() for match in _LINE_BREAK.finditer(text))]


class Sources:
    """Lines of files by 1-based number: of the texts given, else of files read when first asked for.

    A finding about a checkpoint points into a file that is large and no text; such a file has no lines here.
    Neither has a pipe: it was read already, and would be waited for in vain.
    """

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._texts = texts or {}
        self._lines: dict[str, list[str]] = {}

    def line(self, file: str, number: int) -> str | None:
        """The line without its line break, or None where the file or the line does not exist."""
        if file not in self._lines:
            text = self._texts[file] if file in self._texts else _read(file)
            self._lines[file] = [] if text is None else _LINE_BREAK.split(text)
        lines = self._lines[file]
        return lines[number - 1] if 1 <= number <= len(lines) else None


def _read(file: str) -> str | None:
    if not os.path.isfile(file):
        return None
    try:
        with open(file, "rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError):
        return None
    if len(data) > _MOST_BYTES or b"\0" in data:
        return None
    return data.decode("utf-8-sig", "replace")
