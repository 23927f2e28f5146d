"""The reading of a checkpoint's names: one dialect for the whole file, chosen from the names alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain

from compiler.checkpoint.checkpoint import StoredTensor
from compiler.checkpoint.findings import quoted
from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.weights.table import TableRow, WeightTable
from specs.weights import Dialect


def fitting_names(table: WeightTable, component: str, stored: Collection[str]) -> dict[Dialect, int]:
    """How many of a component's stored names a file has in each spelling.

    Spellings that give the rows the same names are one here.
    """
    rows = table.of(component)
    stated = table.maps[component].dialects if component in table.maps else (Dialect("own addresses"),)
    copies = tuple(copy for row in rows for copy in row.copies)
    dialects: dict[tuple[tuple[str, ...], tuple[str, ...]], Dialect] = {}
    for one in stated:
        names = tuple(chain.from_iterable(table.names(component, one).values()))
        dialects.setdefault((names, tuple(map(one.spell, copies))), one)
    return {dialect: sum(map(stored.__contains__, names)) for (names, _), dialect in dialects.items()}


def _reading(dialect: Dialect, rows: Collection[TableRow], stored: Collection[str]) -> tuple[object, ...]:
    """How it spells plain weights, and which address reads each stored name."""
    plain = tuple(dialect.spell(source) for row in rows for source in row.sources)
    named = ((row.address, name) for row in rows for name in dialect.names(row))
    return plain, frozenset((address, name) for address, name in named if name in stored)


def chosen_dialect(
    table: WeightTable,
    component: str,
    rows: tuple[TableRow, ...],
    stored: Mapping[str, StoredTensor],
    place: Span | None,
) -> tuple[Dialect | None, Diagnostic | None]:
    """The one spelling whose names the file has; the names it shares are counted, never guessed.

    Spellings that differ only in weights which the file has neither plain nor normed read it alike: the first
    stands for them.

    Else XL511: none fits, or two fit equally.
    """
    counts = fitting_names(table, component, stored)
    best = max(counts.values())
    wanted = next((row.sources for row in rows if row.sources and row.status != "computed"), None)
    if wanted is None:  # everything starts fresh: whatever is stored is too much, in any spelling
        return max(counts, key=lambda dialect: counts[dialect]), None
    fitting = [dialect for dialect, count in counts.items() if count == best]
    if best and (len(fitting) == 1 or len({_reading(dialect, rows, stored) for dialect in fitting}) == 1):
        return fitting[0], None
    spans = (place,) if place else ()
    if not best:
        return None, Diagnostic(
            "XL511",
            Severity.ERROR,
            "the checkpoint's names fit no known spelling of this model",
            spans,
            (f"it stores {quoted(stored)}", f"expected, for example: {quoted(wanted)}"),
            "give the checkpoint of this family, or correct `family:`",
        )
    return None, Diagnostic(
        "XL511",
        Severity.ERROR,
        "two spellings fit the checkpoint's names equally: " + " and ".join(d.name for d in fitting),
        spans,
        ("one reading is chosen for the whole file",),
    )
