"""Two specs, by address: what differs in fields, nodes, parameters and tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from compiler.reports.tables import aligned
from compiler.resolved import resolved
from compiler.spec import Spec
from compiler.weights.folding import folded
from specs.graph import Graph
from specs.values import plain, written
from specs.weights import generalise

Section = Literal["spec", "nodes", "parameters", "tokens"]

ABSENT = object()
"""On the side that has nothing at an address; null is a value."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One address at which two specs differ; a side that has nothing there holds `ABSENT`."""

    section: Section
    address: str
    left: Any
    right: Any

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: a side that has nothing there is left out."""
        sides = {"left": self.left, "right": self.right}
        return {
            "section": self.section,
            "address": self.address,
            **{side: value for side, value in sides.items() if value is not ABSENT},
        }


def differences(left: tuple[Spec, Graph], right: tuple[Spec, Graph]) -> list[Difference]:
    """Every difference of two checked specs, defaults filled in; layout and `extends` make none."""
    sections: tuple[tuple[Section, Any, Any], ...] = (
        ("spec", _fields(left[0]), _fields(right[0])),
        ("nodes", *_nodes(left[1], right[1])),
        ("parameters", _shapes(left[1]), _shapes(right[1])),
        ("tokens", _tokens(left[1]), _tokens(right[1])),
    )
    return [difference for name, one, other in sections for difference in _compared(name, one, other)]


def difference_lines(found: list[Difference], width: int | None = None) -> list[str]:
    """The differences for people, layers folded: `-` on the left alone, `+` on the right, `~` on both."""
    lines: list[str] = []
    for section in dict.fromkeys(one.section for one in found):
        rows = [_cells(one) for one in _folded([one for one in found if one.section == section])]
        lines += [*([""] if lines else []), section, *aligned(rows, indent="  ", width=width)]
    return lines


def _compared(section: Section, left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Difference]:
    for address in dict.fromkeys((*left, *right)):
        one, other = left.get(address, ABSENT), right.get(address, ABSENT)
        if one != other or type(one) is not type(other):
            yield Difference(section, address, one, other)


def _fields(spec: Spec) -> dict[str, Any]:
    """The resolved spec, a value an address; the nodes of free graphs are compared as nodes."""
    return dict(_leaves(resolved(spec), "", {"crossloom", *(part.address for part in spec.graphs.values())}))


def _leaves(value: Any, address: str, without: Collection[str]) -> Iterator[tuple[str, Any]]:
    if address in without:
        return
    if isinstance(value, Mapping) and (value or not address):
        for key, inner in value.items():
            yield from _leaves(inner, f"{address}.{key}" if address else str(key), without)
    else:
        yield address, value


def _nodes(left: Graph, right: Graph) -> tuple[dict[str, str], dict[str, str]]:
    """Nodes of both sides: one that is on one side alone as a whole, others by hyper-parameter and input."""
    shared = {
        name
        for name, node in left.nodes.items()
        if name in right.nodes and right.nodes[name].kind == node.kind
    }
    return _described(left, shared), _described(right, shared)


def _described(graph: Graph, in_detail: set[str]) -> dict[str, str]:
    found = {f"inputs.{name}": str(type_) for name, type_ in graph.inputs.items()}
    for name, node in graph.nodes.items():
        if name in in_detail:
            found |= {f"{name}.with.{key}": str(plain(value)) for key, value in node.numbers.items()}
            found |= {f"{name}.inputs.{port}": str(ref) for port, ref in node.inputs.items()}
        else:
            found[name] = node.kind
    return found | {f"outputs.{name}": str(ref) for name, ref in graph.outputs.items()}


def _shapes(graph: Graph) -> dict[str, list[int] | str]:
    tied = {tie.tied: tie.kept for tie in graph.ties}
    return {
        address: f"tied to {tied[address]}" if address in tied else list(shape)
        for address, shape in graph.parameters().items()
    }


def _tokens(graph: Graph) -> dict[str, Any]:
    if graph.tokens is None:
        return {}
    names = ("decoder_start", "pad", "bos", "eos")
    return {name: plain(getattr(graph.tokens, name)) for name in names}


def _folded(found: list[Difference]) -> list[Difference]:
    groups: dict[tuple[str, str, str], list[Difference]] = {}
    for one in found:
        alike = (generalise(one.address)[0], _shown(one.left), _shown(one.right))
        groups.setdefault(alike, []).append(one)
    return [
        Difference(group[0].section, address, group[0].left, group[0].right)
        for group in groups.values()
        for address in folded(one.address for one in group)
    ]


def _cells(one: Difference) -> tuple[str, str, str]:
    if one.left is ABSENT:
        return "+", one.address, _shown(one.right)
    if one.right is ABSENT:
        return "-", one.address, _shown(one.left)
    return "~", one.address, f"{_shown(one.left)} -> {_shown(one.right)}"


def _shown(value: Any) -> str:
    """Texts as they are; absent, nothing."""
    if value is ABSENT:
        return ""
    return value if isinstance(value, str) else written(value)
