"""Rows as aligned columns, and as Markdown."""

from __future__ import annotations

from collections.abc import Collection, Sequence

Cells = Sequence[str]

GAP = "  "


def aligned(rows: Sequence[Cells], right: Collection[int] = (), indent: str = "") -> list[str]:
    """Lines in which columns line up; columns in `right` end together, the others begin together."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        (
            indent
            + GAP.join(
                cell.rjust(width) if column in right else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        ).rstrip()
        for row in rows
    ]


def narrowed(rows: Sequence[Cells], width: int | None, indent: str = "") -> list[Cells]:
    """The rows without as many of their last columns as do not fit in `width`; the first stays."""
    if width is None or not rows:
        return list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    count = len(widths)
    while count > 1 and len(indent) + sum(widths[:count]) + len(GAP) * (count - 1) > width:
        count -= 1
    return [row[:count] for row in rows]


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
