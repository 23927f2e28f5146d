"""What a command may write over: the files that crossloom emits, and nothing that a person wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

MARK = "emitted by crossloom"
"""In one of the first lines of every emitted file, in any case of letters."""

_MARKED_LINES = 3


def refuse_overwriting(contents: Mapping[Path, str], read: Path | None = None) -> None:
    """Raise CrossloomError (XL602) where a file would be lost that was not emitted, or that is `read` now.

    What has these contents already is not lost, and neither is a device or a pipe.
    """
    lost = [
        (path, reason)
        for path, text in contents.items()
        if path.is_file() and (reason := _reason(path, text.encode(), read))
    ]
    if lost:
        names = " and ".join(f"`{path}`" for path, _ in lost)
        raise CrossloomError(
            [
                Diagnostic(
                    "XL602",
                    Severity.ERROR,
                    f"{names} would be written over",
                    info=tuple(f"`{path.name}` {reason}" for path, reason in lost),
                    help="write to another place, or let them go with `--force` (`force=True`)",
                )
            ]
        )


def _reason(path: Path, text: bytes, read: Path | None) -> str | None:
    """Why a file may not be written over; None where it may."""
    if path.read_bytes() == text:
        return None
    with suppress(OSError):
        if read is not None and path.samefile(read):
            return "is the spec itself"
    return (
        None if any(MARK in line.lower() for line in _first_lines(path)) else "was not emitted by crossloom"
    )


def _first_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from islice(file, _MARKED_LINES)
