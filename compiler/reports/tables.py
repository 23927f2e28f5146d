"""Rows as aligned columns, and as Markdown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from textwrap import wrap

Cells = Sequence[str]

GAP = "  "

_LEAST = 20
"""Columns in which a text can be wrapped and still be read."""


def aligned(
    rows: Sequence[Cells], right: Collection[int] = (), indent: str = "", width: int | None = None
) -> list[str]:
    """Lines in which columns line up; columns in `right` end together, the others begin together.

    In `width` columns the last cell of a row goes on below itself, where there is room for it at all.
    """
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    begin = len(indent) + sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    lines = []
    for row in rows:
        cells = [
            cell.rjust(size) if column in right else cell.ljust(size)
            for column, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        line = (indent + GAP.join(cells)).rstrip()
        fits = width is None or len(line) <= width or width - begin < _LEAST
        lines += [line] if fits else filled(line[begin:], width, " " * begin, lead=line[:begin])
    return lines


def filled(text: str, width: int | None, hanging: str = "  ", lead: str = "") -> list[str]:
    """A text as lines of `width` columns: the first begins with `lead`, the others with `hanging`."""
    if width is None:
        return [lead + text]
    return wrap(
        text,
        width,
        initial_indent=lead,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def fitting(rows: Sequence[Cells], width: int | None, dropped: Sequence[int], indent: str = "") -> list[int]:
    """The columns that fit in `width`, where those of `dropped` give way, one after another."""
    columns = list(range(len(rows[0]))) if rows else []
    widths = [max(len(row[column]) for row in rows) for column in columns]
    for column in dropped:
        if width is None or len(indent) + sum(widths[c] + len(GAP) for c in columns) - len(GAP) <= width:
            break
        columns.remove(column)
    return columns


def narrowed(rows: Sequence[Cells], width: int | None, indent: str = "") -> list[Cells]:
    """The rows without as many of their last columns as do not fit in `width`; the first stays."""
    columns = fitting(rows, width, range(len(rows[0]) - 1, 0, -1) if rows else (), indent)
    return [row[: len(columns)] for row in rows]


def markdown(rows: Sequence[Cells], right: Collection[int] = ()) -> list[str]:
    """A Markdown table, the first row its heading."""
    rule = ["---:" if column in right else "---" for column in range(len(rows[0]))]
    return [f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in (rows[0], rule, *rows[1:])]


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def quantity(number: float, unit: str = "") -> str:
    """A number at three figures with a decimal prefix: 118 MB, 1.57 G."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {prefix}{unit}"
    return f"{number:.0f} {unit}".rstrip()
