"""The weight table of a spec: one line for every parameter and computed buffer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

from compiler.block_source import library
from compiler.spec import Spec
from compiler.weights.published_pairs import published_pair, published_table
from compiler.weights.vocabulary import TakenRows, taken_rows
from specs.bridges import BRIDGE
from specs.graph import Graph
from specs.weights import Dialect, Operation, Rename, Row, WeightMap, fill, generalise

Names = Mapping[str, tuple[str, ...]]
Status = Literal["loaded", "fresh", "tied", "computed", "carried", "ignored"]


class TableRow(NamedTuple):
    """One parameter or computed buffer.

    Attributes:
        address: module path, and key in the model's state dict.
        sources: stored names, in the published spelling; none for fresh parameters.
        component: whose checkpoint holds the sources: model, encoder or decoder.
        tied_to: for a tied row, the address it shares its tensor with.
        copies: names under which files store the same tensor once more, or instead.
        taken: the rows it takes of a tensor that has others.
        foldable: files with weight norm store magnitude and direction in place of its source.
    """

    address: str
    sources: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    operation: Operation
    status: Status
    component: str = "model"
    tied_to: str | None = None
    copies: tuple[str, ...] = ()
    taken: TakenRows | None = None
    foldable: bool = False

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Its shape with the vocabulary of the checkpoint."""
        return self.shape if self.taken is None else self.taken.stored_shape(self.shape)


@dataclass(frozen=True)
class WeightTable:
    """All rows of a spec, parameters first in the order of the state dict."""

    rows: tuple[TableRow, ...]
    maps: dict[str, WeightMap]
    _spelt: dict[tuple[str, Dialect], Names] = field(default_factory=dict, init=False, compare=False)

    def __iter__(self) -> Iterator[TableRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, component: str) -> tuple[TableRow, ...]:
        """The rows whose tensors one checkpoint holds."""
        return tuple(row for row in self.rows if row.component == component)

    def names(self, component: str, dialect: Dialect) -> Names:
        """Address -> the names under which a dialect stores what feeds it; they are spelt once."""
        if (component, dialect) not in self._spelt:
            names = {row.address: dialect.names(row) for row in self.of(component)}
            self._spelt[component, dialect] = names
        return self._spelt[component, dialect]

    def to_dict(self) -> dict[str, Any]:
        """The table as plain data."""
        return {
            "rows": [
                {
                    "address": row.address,
                    "sources": list(row.sources),
                    "shape": list(row.shape),
                    "dtype": row.dtype,
                    "operation": row.operation.name,
                    "status": row.status,
                    "component": row.component,
                }
                | ({"tied_to": row.tied_to} if row.tied_to else {})
                | ({"taken": row.taken.to_dict()} if row.taken else {})
                for row in self.rows
            ]
        }

    def to_json(self) -> str:
        """The table as JSON."""
        return json.dumps(self.to_dict(), indent=1)


_TABLES: WeakKeyDictionary[Spec, tuple[Graph, WeightTable]] = WeakKeyDictionary()


def table_of(spec: Spec, graph: Graph) -> WeightTable:
    """The weight table; every parameter of the graph has exactly one row. That of a spec is made once.

    One checkpoint of a pair that has a published class is taken to be in its layout. Which one it has shows
    in its names: see `compiler.sources.read_table`.
    """
    made = _TABLES.get(spec)
    if made is None or made[0] is not graph:
        made = _TABLES[spec] = graph, _table_of(spec, graph)
    return made[1]


def _table_of(spec: Spec, graph: Graph) -> WeightTable:
    if spec.whole is not None:
        fresh = spec.language.fresh
        return pair_table(spec, graph, fresh) or whole_table(graph, fresh)
    maps = {role: component.family.weights(component.view) for role, component in spec.components.items()}
    tied = {tie.tied: tie.kept for tie in graph.ties}
    rows = [_row(spec, maps, address, shape, tied) for address, shape in graph.parameters().items()]
    rows += _computed(graph, maps, partial(_owner, spec))
    if taken := taken_rows(spec, graph):
        rows = [row._replace(taken=taken.get(row.address)) for row in rows]
    return WeightTable(tuple(rows), maps)


def whole_table(graph: Graph, fresh: Sequence[str] = ()) -> WeightTable:
    """The table of one checkpoint for all parts, bridge included, with tensors named by their addresses."""
    tied = {tie.tied: tie.kept for tie in graph.ties}
    rows = [
        TableRow(address, (address,), shape, "float32", Rename(), "tied", tied_to=tied[address])
        if address in tied
        else TableRow(address, (), shape, "float32", Rename(), "fresh")
        if any(fnmatchcase(address, pattern) for pattern in fresh)
        else TableRow(address, (address,), shape, "float32", Rename(), "loaded")
        for address, shape in graph.parameters().items()
    ]
    rows += [
        TableRow(address, (address,), shape, dtype, Rename(), "computed")
        for address, shape, dtype in _buffers(graph)
    ]
    return WeightTable(tuple(rows), {})


def pair_table(spec: Spec, graph: Graph, fresh: Sequence[str] = ()) -> WeightTable | None:
    """The table of one checkpoint in the layout of a published pair; None for what no such class computes."""
    if published_pair(spec, graph) is None:
        return None
    table = published_table(spec)
    tied = {tie.tied: tie.kept for tie in graph.ties}
    rows = []
    for address, shape in graph.parameters().items():
        found = table.find(address)
        assert found is not None, f"the pair's table has no row for {address}"
        rows.append(_row_of(*found, address, shape, fresh, tied, "model"))
    maps = {"model": table}
    rows += _computed(graph, maps, lambda _: "model")
    return WeightTable(tuple(rows), maps)


def _row_of(
    row: Row,
    sources: tuple[str, ...],
    address: str,
    shape: tuple[int, ...],
    fresh: Sequence[str],
    tied: dict[str, str],
    component: str,
) -> TableRow:
    if address in tied:
        return TableRow(address, sources, shape, "float32", row.operation, "tied", component, tied[address])
    if any(fnmatchcase(address, pattern) for pattern in fresh):
        return TableRow(address, (), shape, "float32", Rename(), "fresh", component)
    numbers = generalise(address)[1] if row.copies else ()
    copies = tuple(fill(copy, numbers) for copy in row.copies)
    return TableRow(
        address,
        sources,
        shape,
        "float32",
        row.operation,
        "loaded",
        component,
        copies=copies,
        foldable=row.foldable,
    )


def _row(
    spec: Spec, maps: dict[str, WeightMap], address: str, shape: tuple[int, ...], tied: dict[str, str]
) -> TableRow:
    role = _owner(spec, address)
    found = maps[role].find(address) if role in maps else None
    if found is None:
        if role in maps and not address.startswith(f"{BRIDGE}."):
            raise AssertionError(f"the family's table has no row for {address}")
        own = _own_name(spec, address)
        found = Row(address, (own,)), (own,)
    fresh = (f"{BRIDGE}.*", *spec.language.fresh)
    return _row_of(*found, address, shape, fresh, tied, role)


def _computed(graph: Graph, maps: Mapping[str, WeightMap], owner: Callable[[str], str]) -> Iterator[TableRow]:
    """Buffers that are recomputed: loaded from nowhere, compared where a checkpoint stores them."""
    for address, shape, dtype in _buffers(graph):
        role = owner(address)
        found = maps[role].find(address) if role in maps else None
        sources = found[1] if found else ()
        yield TableRow(address, sources, shape, dtype, Rename(), "computed", role)


def _buffers(graph: Graph) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Address, shape and dtype of every computed buffer."""
    blocks = library()
    for node in graph.order():
        for buffer, shape, dtype in blocks.buffers(node.block):
            yield f"{node.name}.{buffer}", shape, dtype


def _own_name(spec: Spec, address: str) -> str:
    """The name in a checkpoint of the part's own: the address, without the role of a half."""
    role = _owner(spec, address)
    return address.removeprefix(spec.graphs[role].prefix) if role in spec.graphs else address


def _owner(spec: Spec, address: str) -> str:
    """Which component's checkpoint an address belongs to."""
    if spec.kind in ("model", "graph"):
        return "model"
    if spec.kind in ("encoder", "decoder"):
        return spec.kind
    return "encoder" if address.startswith("encoder.") else "decoder"
