"""Applying the repairs that are safe to apply unseen."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, combinations, product

from compiler.diagnostics.model import Diagnostic, Edit
from compiler.diagnostics.order import ordered
from compiler.diagnostics.sources import line_starts


def apply_fixes(text: str, diagnostics: Iterable[Diagnostic], file: str | None = None) -> str:
    """`text` after every fix that applies to it.

    `file` is the name that spans give the text; None takes every fix to be about it. A fix is
    applied as a whole or not at all: one that also edits another file, reaches outside the text,
    or overlaps a fix already taken is left for the next run.
    """
    byte_order_mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(byte_order_mark)
    starts = line_starts(text)
    taken: list[tuple[int, int, str]] = []
    for finding in ordered(diagnostics):
        if finding.fix is None:
            continue
        if file is not None and any(edit.span.file != file for edit in finding.fix.edits):
            continue
        edits = [_offsets(edit, starts, len(text)) for edit in finding.fix.edits]
        wanted = [edit for edit in edits if edit is not None and edit not in taken]
        pairs = chain(product(wanted, taken), combinations(wanted, 2))
        if None not in edits and not any(_overlap(one, other) for one, other in pairs):
            taken.extend(wanted)
    for start, end, replacement in sorted(taken, reverse=True):
        text = text[:start] + replacement + text[end:]
    return byte_order_mark + text


def _offsets(edit: Edit, starts: list[int], length: int) -> tuple[int, int, str] | None:
    span = edit.span
    if not 1 <= span.line <= span.end_line <= len(starts):
        return None
    start = starts[span.line - 1] + span.column - 1
    end = starts[span.end_line - 1] + span.end_column - 1
    return (start, end, edit.text) if 0 <= start <= end <= length else None


def _overlap(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Whether two edits share a character, or insert at one place in an order nobody stated."""
    return one[0] == other[0] or (one[0] < other[1] and other[0] < one[1])
