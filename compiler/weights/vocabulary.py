"""Parameters with a row for every id, where a checkpoint has another vocabulary than the spec."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.analysis import analyse, analysis_of
from compiler.spec import Component, Spec
from specs.graph import Graph

Shape = tuple[int, ...]

_OTHERS = ("extends", "generation", "processor", "source_tokenizer", "tokenizer")
"""Sections that say nothing about parameters."""


@dataclass(frozen=True, slots=True)
class TakenRows:
    """Which rows of a stored tensor a parameter takes.

    Attributes:
        axis: along which there is a row for every id.
        stored: how many of them the checkpoint has.
        take: for every id of the spec, the stored row it takes; None for one that starts fresh.
    """

    axis: int
    stored: int
    take: tuple[int | None, ...]

    def to_dict(self) -> dict[str, int]:
        """How many rows there are in the checkpoint, and how many start fresh."""
        return {"axis": self.axis, "stored": self.stored, "fresh": self.take.count(None)}

    def stored_shape(self, shape: Shape) -> Shape:
        """The shape in the checkpoint of a parameter of this shape."""
        return (*shape[: self.axis], self.stored, *shape[self.axis + 1 :])


def taken_rows(spec: Spec, graph: Graph) -> dict[str, TakenRows]:
    """Address -> the rows it takes, of every parameter whose shape follows the vocabulary of such a part.

    They are found by lowering the spec once more, with the vocabulary that the checkpoint has.
    """
    found: dict[str, TakenRows] = {}
    for component in spec.components.values():
        if component.rows is None:
            continue
        vocabulary = int(component.config["vocab_size"])
        take = component.rows.take or [
            index if index < component.rows.stored else None for index in range(vocabulary)
        ]
        before = _with_vocabulary(spec, component, component.rows.stored).parameters()
        if component.rows.stored == vocabulary:  # the rows are only ordered anew: any other size tells them
            before = _with_vocabulary(spec, component, vocabulary + 1).parameters()
        for address, shape in graph.parameters().items():
            if _owns(component, address) and before[address] != shape:
                axis = next(i for i, size in enumerate(shape) if before[address][i] != size)
                found[address] = TakenRows(axis, component.rows.stored, tuple(take))
    return found


def _owns(component: Component, address: str) -> bool:
    """Whether a parameter is of this part."""
    if component.role == "model":
        return True
    return address.startswith("encoder.") == (component.role == "encoder")


def _with_vocabulary(spec: Spec, component: Component, size: int) -> Graph:
    """The graph of the spec with another number of ids in one of its parts."""
    document = analysis_of(spec).document
    data = {key: value for key, value in document.data.items() if key not in _OTHERS}
    part = {key: value for key, value in data[component.role].items() if key != "rows"}
    data[component.role] = {**part, "config": {**(part.get("config") or {}), "vocab_size": size}}
    graph = analyse(replace(document, data=data)).graph
    assert graph is not None, "a spec that lowers does so with another number of ids"
    return graph
