"""The weight table of a spec for people: equal rows of many layers on one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os.path import normpath
from typing import Any

from compiler.reports.tables import aligned, filled, markdown
from compiler.verifying.checkpoint import Verified
from compiler.weights.folding import folded
from compiler.weights.table import TableRow, WeightTable
from specs.weights import generalise

HEADING = ("address", "shape", "operation", "status", "stored as")


@dataclass(frozen=True, slots=True)
class FoldedRow:
    """Rows that differ in layer numbers alone; `count` says how many."""

    address: str
    shape: tuple[int, ...]
    operation: str
    status: str
    sources: tuple[str, ...]
    count: int

    def cells(self) -> tuple[str, ...]:
        """As a table shows it."""
        shape = str(list(self.shape)) if self.status != "computed" else ""
        return (self.address, shape, self.operation, self.status, ", ".join(self.sources))


def folded_rows(rows: Iterable[TableRow]) -> list[FoldedRow]:
    """The rows, layer numbers as ranges: `encoder.layers.{0..11}.self_attention.q_proj.weight`."""
    groups: dict[tuple[Any, ...], list[TableRow]] = {}
    for row in rows:
        sources = tuple(generalise(source)[0] for source in row.sources)
        alike = (generalise(row.address)[0], sources, row.shape, row.operation, row.status, row.tied_to)
        groups.setdefault(alike, []).append(row)
    return [_folded(group) for group in groups.values()]


def _folded(group: Sequence[TableRow]) -> FoldedRow:
    first = group[0]
    sources = tuple(
        next(iter(folded(row.sources[position] for row in group))) for position in range(len(first.sources))
    )
    return FoldedRow(
        address=next(iter(folded(row.address for row in group))),
        shape=first.shape,
        operation=f"tied to {first.tied_to}" if first.tied_to else _operation(first),
        status=first.status,
        sources=sources if not first.tied_to else (),
        count=len(group),
    )


def _operation(row: TableRow) -> str:
    return row.operation.name if row.status == "loaded" else ""


def table_lines(table: WeightTable, format: str, width: int | None = None) -> list[str]:
    """The table as `text` or `markdown`, with a last line that counts.

    Where `width` is too narrow for a row of text, what it is made from stands below it.
    """
    rows = [HEADING, *(row.cells() for row in folded_rows(table))]
    if format == "markdown":
        return [*markdown([rows[0], *(_code(row) for row in rows[1:])]), "", _count(table)]
    lines = aligned(rows)
    if width is not None and max(map(len, lines)) > width:
        lines = list(_stacked(rows, width))
    return [*lines, "", *filled(_count(table), width)]


def _stacked(rows: Sequence[tuple[str, ...]], width: int) -> Iterator[str]:
    """Two lines a row: address, shape and status; below them operation and stored names."""
    heads = aligned([(address, shape, status) for address, shape, _, status, _ in rows])
    for head, (_, _, operation, _, sources) in zip(heads, rows, strict=True):
        yield head
        if made := f"{operation} {sources}".strip():
            yield from filled(made, width, "      ", lead="    ")


def _code(row: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and names as Markdown code."""
    return (f"`{row[0]}`", *row[1:-1], ", ".join(f"`{name}`" for name in row[-1].split(", ") if name))


def _count(table: WeightTable) -> str:
    statuses = [row.status for row in table]
    counts = [f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses)]
    return f"{len(table)} rows: {', '.join(counts)}"


def verified_lines(one: Verified) -> list[str]:
    """What was found in a checkpoint, and what became of its tensors."""
    facts = verified_facts(one)
    if one.checkpoint is None:
        return [f"{one.component}: not readable"]
    files = ", ".join(one.checkpoint.files)
    lines = [f"{one.component}: {facts['source']} ({files}), {facts['stored']} tensors"]
    if one.resolution is None:
        return lines
    lines += [f"  names spelt as {facts['dialect']}, {facts['mapped']} tensors mapped"]
    if facts["copies"]:
        lines += [f"  {facts['copies']} stored copies of tied tensors, compared on loading"]
    if facts["computed"]:
        lines += [f"  {facts['computed']} stored tables that are computed anew, compared on loading"]
    if facts["ignored"]:
        lines += [f"  {len(facts['ignored'])} ignored"]
        for reason in dict.fromkeys(facts["ignored"].values()):
            names = [name for name, why in facts["ignored"].items() if why == reason]
            lines += [
                f"    {name}: {reason}" + (f" ({count} tensors)" if count > 1 else "")
                for name, count in folded(names).items()
            ]
    return lines


def verified_facts(one: Verified) -> dict[str, Any]:
    """The same as data."""
    facts: dict[str, Any] = {"component": one.component}
    if one.checkpoint is not None:
        facts |= {
            "source": normpath(str(one.checkpoint.source)),
            "commit": one.checkpoint.source.commit,
            "format": one.checkpoint.format,
            "files": list(one.checkpoint.files),
            "stored": len(one.checkpoint.tensors),
        }
    if one.resolution is not None:
        facts |= {
            "dialect": one.resolution.dialect.name,
            "mapped": len({name for names in one.resolution.feeds.values() for name in names}),
            "copies": len(one.resolution.copies),
            "computed": len(one.resolution.computed),
            "ignored": dict(one.resolution.ignored),
        }
    return facts
