"""Places for a graph's nodes on a page, after Sugiyama, Tagawa and Toda (1981).

Every method is a column, encode on the left and decode beside it, and of many some stand below others; within
each, everything is below what it reads. A port that is read further down has a trunk: one point in every row
between, from which its readers branch off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from compiler.reports.facts import Facts
from specs.graph import Ref

_SWEEPS = 8
"""Passes down and up that order rows by where their neighbours stand; orders settle sooner."""


@dataclass
class Item:
    """A box, or a point of a trunk, in a row; `x` is its middle."""

    name: str
    column: int
    row: int
    width: float
    above: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)
    x: float = 0.0
    is_trunk: bool = False


@dataclass(frozen=True)
class Edge:
    """A port and one reader of it, with the items the line passes from the source to the reader."""

    source: Ref
    target: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Items by name, the lines between them, and how wide each column came out."""

    items: Mapping[str, Item]
    edges: tuple[Edge, ...]
    rows: int
    columns: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Measures:
    """Widths of the boxes, what lies between them, and how wide a shelf of several columns may be."""

    boxes: Mapping[str, float]
    trunk: float
    gap: float
    column_gap: float
    widest: float


def input_name(name: str) -> str:
    """The item of a graph input."""
    return f"input {name}"


def output_name(name: str) -> str:
    """The item of a graph output."""
    return f"output {name}"


def lay_out(facts: Facts, measures: Measures) -> Layout:
    """Rows by the longest way from the inputs, columns by side, little crossing, lines near straight."""
    reads = _reads(facts)
    rows = _rows(reads)
    items = {
        name: Item(name, _column(facts, name, reads), row, measures.boxes[name]) for name, row in rows.items()
    }
    edges = _routed(items, reads, measures.trunk)
    grid = _grid(items, max(rows.values()) + 1)
    _order(grid)
    columns = _shelved(items, edges, _place(items, grid, measures), measures.widest)
    return Layout(items, edges, max(item.row for item in items.values()) + 1, columns)


def _reads(facts: Facts) -> dict[str, list[Ref]]:
    """Every box with the ports it reads, each once, in the order of the graph."""
    reads: dict[str, list[Ref]] = {input_name(name): [] for name in facts.inputs}
    reads |= {node.address: list(dict.fromkeys(node.inputs.values())) for node in facts.nodes}
    return reads | {output_name(name): [ref] for name, ref in facts.outputs.items()}


def _owner(ref: Ref) -> str:
    return ref.node or input_name(ref.port)


def _rows(reads: Mapping[str, list[Ref]]) -> dict[str, int]:
    """Each box below all it reads, and then as low as its readers allow: inputs stand by their readers."""
    rows: dict[str, int] = {}
    for name, refs in reads.items():
        rows[name] = max((rows[_owner(ref)] + 1 for ref in refs), default=0)
    readers: dict[str, list[str]] = {}
    for name, refs in reads.items():
        for ref in refs:
            readers.setdefault(_owner(ref), []).append(name)
    for name in reversed(list(reads)):
        if name in readers:
            rows[name] = min(rows[reader] for reader in readers[name]) - 1
    return rows


def _column(facts: Facts, name: str, reads: Mapping[str, list[Ref]]) -> int:
    """The place of the method that calls it; inputs and outputs stand with the nodes they belong to."""
    sides = {node.address: facts.sides.index(node.side) for node in facts.nodes}
    if name in sides:
        return sides[name]
    if reads[name]:
        return sides.get(reads[name][0].node, 0)
    return min(
        (sides[reader] for reader in sides if any(_owner(r) == name for r in reads[reader])), default=0
    )


def _routed(items: dict[str, Item], reads: Mapping[str, list[Ref]], trunk: float) -> tuple[Edge, ...]:
    """The lines, with a trunk point added for every row that one passes."""
    edges = []
    for target, refs in reads.items():
        for ref in refs:
            source = items[_owner(ref)]
            path = [source.name]
            for row in range(source.row + 1, items[target].row):
                name = f"trunk {ref} {row}"
                if name not in items:
                    items[name] = Item(name, source.column, row, trunk, is_trunk=True)
                path.append(name)
            path.append(target)
            for upper, lower in pairwise(path):
                if lower not in items[upper].below:
                    items[upper].below.append(lower)
                    items[lower].above.append(upper)
            edges.append(Edge(ref, target, tuple(path)))
    return tuple(edges)


def _grid(items: Mapping[str, Item], rows: int) -> list[list[Item]]:
    grid: list[list[Item]] = [[] for _ in range(rows)]
    for item in items.values():
        grid[item.row].append(item)
    for row in grid:
        row.sort(key=lambda item: item.column)
    return grid


def _order(grid: list[list[Item]]) -> None:
    """Let every row follow the mean place of its neighbours, down and up in turn."""
    for sweep in range(_SWEEPS):
        place = {item.name: index for row in grid for index, item in enumerate(row)}
        for row in grid if sweep % 2 == 0 else reversed(grid):

            def mean(item: Item, place: dict[str, int] = place, down: bool = sweep % 2 == 0) -> float:
                neighbours = item.above if down else item.below
                return (
                    sum(place[name] for name in neighbours) / len(neighbours)
                    if neighbours
                    else place[item.name]
                )

            row.sort(key=lambda item: (item.column, mean(item)))
            place |= {item.name: index for index, item in enumerate(row)}


def _place(
    items: Mapping[str, Item], grid: list[list[Item]], measures: Measures
) -> tuple[tuple[float, float], ...]:
    """Middles of the items: rows packed, then drawn towards their neighbours. Returns the columns' ends."""
    columns = []
    left = 0.0
    for column in sorted({item.column for item in items.values()}):
        rows = [[item for item in row if item.column == column] for row in grid]
        for row in rows:
            _pack(row, measures.gap, {})
        for sweep in range(2 * _SWEEPS + 1):
            down = sweep % 2 == 0
            for row in rows if down else reversed(rows):
                _pack(row, measures.gap, {item.name: _pull(item, items, down) for item in row})
        found = [item for row in rows for item in row]
        shift = left - min(item.x - item.width / 2 for item in found)
        for item in found:
            item.x += shift
        right = max(item.x + item.width / 2 for item in found)
        columns.append((left, right))
        left = right + measures.column_gap
    return tuple(columns)


def _shelved(
    items: Mapping[str, Item],
    edges: Sequence[Edge],
    columns: Sequence[tuple[float, float]],
    widest: float,
) -> tuple[tuple[float, float], ...]:
    """Columns beside each other as far as there is room, and the next ones below: their ends as they are now.

    Columns that a line connects stay on one shelf.
    """
    joined = {
        column
        for edge in edges
        for ends in [sorted((items[edge.path[0]].column, items[edge.target].column))]
        for column in range(ends[0] + 1, ends[1] + 1)
    }
    numbers = sorted({item.column for item in items.values()})
    by_column = {number: [one for one in items.values() if one.column == number] for number in numbers}
    placed: list[tuple[float, float]] = []
    start, down, deepest = 0.0, 0, 0
    for number, (left, right) in zip(numbers, columns, strict=True):
        if right - start > widest and number not in joined and placed:
            start, down = left, deepest + 2
        for item in by_column[number]:
            item.x -= start
            item.row += down
            deepest = max(deepest, item.row)
        placed.append((left - start, right - start))
    return tuple(placed)


def _pull(item: Item, items: Mapping[str, Item], down: bool) -> float:
    """Where an item would stand if it were alone: below, or above, the middle of its neighbours.

    Boxes follow boxes and trunks follow trunks where they can, so that both run straight.
    """
    near = [items[name] for name in (item.above if down else item.below)]
    near = [other for other in near if other.column == item.column]
    alike = [other for other in near if other.is_trunk == item.is_trunk] or near
    return sum(other.x for other in alike) / len(alike) if alike else item.x


def _pack(row: list[Item], gap: float, wanted: Mapping[str, float]) -> None:
    """Place a row's items in order, apart by `gap` and as near to where they are wanted as that allows.

    Boxes that would overlap move as one block, to the mean of what its members want.
    """
    blocks: list[tuple[float, list[Item], float]] = []  # left edge, members, width
    for item in row:
        centre = wanted.get(item.name, item.x)
        blocks.append((centre - item.width / 2, [item], item.width))
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][2] + gap > blocks[-1][0]:
            (first, before, width), (second, after, more) = blocks[-2], blocks[-1]
            share = len(before) / (len(before) + len(after))
            edge = first * share + (second - width - gap) * (1 - share)
            blocks[-2:] = [(edge, before + after, width + gap + more)]
    for edge, members, _ in blocks:
        left = edge
        for item in members:
            item.x = left + item.width / 2
            left += item.width + gap
