"""Emitted files on disk against what the spec says now."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

from compiler.diagnostics.model import Diagnostic, Severity, Span

_SHOWN_LINES = 12
"""Of a file's differences: enough to see what kind of change it is."""


def drift(wanted: Mapping[str, str], folder: Path) -> list[Diagnostic]:
    """XL601 for every file of `folder` that is missing, or differs from its `wanted` text."""
    findings = []
    for name, text in wanted.items():
        file = folder / name
        if not file.is_file():
            findings.append(_finding(file, 1, f"`{file}` does not exist", ()))
            continue
        stored = file.read_bytes().decode("utf-8", "replace")
        if stored != text:
            findings.append(_differing(file, stored, text))
    return findings


def _differing(file: Path, stored: str, wanted: str) -> Diagnostic:
    # The first two lines of a unified diff name the files.
    lines = list(unified_diff(stored.splitlines(), wanted.splitlines(), n=1, lineterm=""))[2:]
    removed, added = (sum(line.startswith(sign) for line in lines) for sign in "-+")
    heading = f"{removed} lines (-) on disk are {added} (+) from the spec:"
    rest = [f"... {len(lines) - _SHOWN_LINES} more lines"] if len(lines) > _SHOWN_LINES else []
    excerpt = "\n".join([heading, *lines[:_SHOWN_LINES], *rest])
    info = (excerpt if lines else "they differ in their line endings alone",)
    return _finding(
        file, _first_difference(stored, wanted), f"`{file}` differs from what the spec says", info
    )


def _first_difference(stored: str, wanted: str) -> int:
    """The first line, counted from 1, that is not the same."""
    pairs = zip(stored.splitlines(), wanted.splitlines(), strict=False)
    return next((n for n, (one, other) in enumerate(pairs, 1) if one != other), 1)


def _finding(file: Path, line: int, message: str, info: tuple[str, ...]) -> Diagnostic:
    return Diagnostic(
        "XL601",
        Severity.ERROR,
        message,
        (Span(str(file), line, 1, line, 1, "here first"),) if info else (),
        info,
        "emit again without --check, and review the change",
    )
