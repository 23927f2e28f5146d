"""Shorthands for the findings of this folder; they name a file in their text, since no line can be shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

SHOWN = 3  # names quoted before the rest is counted

_HELP = {
    "XL507": "fetch the index and all its files again, from one revision",
    "XL508": "fetch the file again; if it came like this, save it anew where it was trained",
    "XL509": "fetch the file again",
    "XL517": "save it with a dtype of torch, where it was trained",
}
"""What helps against a damaged file, where nothing better is known."""


def error(code: str, message: str, *, info: Sequence[str] = (), help: str | None = None) -> Diagnostic:
    """An error about a file as a whole."""
    return Diagnostic(code, Severity.ERROR, message, info=tuple(info), help=help or _HELP.get(code))


def failure(code: str, message: str, *, info: Sequence[str] = (), help: str | None = None) -> CrossloomError:
    """The same, ready to be raised."""
    return CrossloomError([error(code, message, info=info, help=help)])


def quoted(names: Iterable[str]) -> str:
    """The first few names in backquotes, the rest counted: `` `a`, `b`, `c` and 4 more``."""
    listed = list(names)
    text = ", ".join(f"`{printable(name)}`" for name in listed[:SHOWN])
    return f"{text} and {len(listed) - SHOWN:,} more" if len(listed) > SHOWN else text


def near(name: str, names: Iterable[str]) -> str | None:
    """A help sentence offering the names closest to `name`, or None when none is close."""
    matches = difflib.get_close_matches(name, list(names), n=SHOWN, cutoff=0.6)
    return f"did you mean {' or '.join(f'`{match}`' for match in matches)}?" if matches else None


def printable(name: str, limit: int = 200) -> str:
    """A name read from a file, safe to print: what cannot be shown is escaped, the rest cut at `limit`."""
    text = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in name)
    return text if len(text) <= limit else text[: limit - 1] + "…"
