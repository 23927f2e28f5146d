"""Faults of the families' graphs: every edge that carries a mask, left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.mutation import tree
from tests.mutation.rows import TESTS, family_of, view_of


@dataclass(frozen=True)
class EdgeFault:
    """A node is not given its mask; its group is the family.

    `architecture` is the one published class that lacks the edge, where the family states them as wholes.
    """

    group: str
    node: str
    port: str
    tests: tuple[str, ...]
    architecture: str | None = None
    equivalent: str | None = None

    @property
    def name(self) -> str:
        """The edge."""
        edge = f"`{self.port}` not wired to `{self.node}`"
        return edge if self.architecture is None else f"{edge} of `{self.architecture}`"

    def killer(self, copy: Path) -> str | None:
        """The first test that fails without the edge."""
        return tree.first_to_fail(copy, self._cut, self.tests, self.architecture or self.group)

    def _cut(self) -> None:
        if self.architecture is not None:
            _change_whole(self.group, self.architecture, self._without_edge)
            return
        from specs.builder import GraphBuilder

        whole = GraphBuilder.node

        def node(builder: GraphBuilder, name: str, kind: str, numbers: Any, **inputs: Any) -> Any:
            kept = {port: ref for port, ref in inputs.items() if (name, port) != (self.node, self.port)}
            return whole(builder, name, kind, numbers, **kept)

        GraphBuilder.node = node  # type: ignore[method-assign, assignment]

    def _without_edge(self, graph: Any) -> Any:
        node = graph.nodes[self.node]
        kept = {port: ref for port, ref in node.inputs.items() if port != self.port}
        return replace(graph, nodes={**graph.nodes, self.node: node._replace(inputs=kept)})


@dataclass(frozen=True)
class EndFault:
    """The encoder hands no mask on; its group is the family.

    `method` is the one encoder that does not, where the family states several.
    """

    group: str
    tests: tuple[str, ...]
    method: str | None = None
    equivalent: str | None = None

    @property
    def name(self) -> str:
        """The end of the mask."""
        return "the encoder's mask not handed on" if self.method is None else f"no mask from `{self.method}`"

    def killer(self, copy: Path) -> str | None:
        """The first test that fails without the mask."""
        return tree.first_to_fail(copy, self._cut, self.tests, self.group)

    def _cut(self) -> None:
        stated = family_of(self.group)
        if self.method is not None:
            _change_whole(self.group, stated.architectures[0], self._without_mask)
            return
        whole = stated.encoder

        def encoder(*arguments: Any) -> Any:
            return whole(*arguments)._replace(mask=None)

        object.__setattr__(stated, "encoder", encoder)

    def _without_mask(self, graph: Any) -> Any:
        def handing(method: Any) -> Any:
            kept = {"hidden": method.outputs["hidden"]}
            return method._replace(outputs=kept) if method.name == self.method else method

        return replace(graph, encoders=tuple(map(handing, graph.encoders)))


def _change_whole(family: str, architecture: str, change: Callable[[Any], Any]) -> None:
    """Let a family state another graph of one of its published classes from now on."""
    stated = family_of(family)
    whole = stated.whole

    def changed(builder: Any, view: Any, long_input: str) -> Any:
        graph = whole(builder, view, long_input)
        return change(graph) if (view.architecture or stated.architectures[0]) == architecture else graph

    object.__setattr__(stated, "whole", changed)


def edge_faults() -> Iterator[EdgeFault | EndFault]:
    """A fault for every mask that may be left out."""
    for family, tests in TESTS.items():
        stated = family_of(family)
        if stated.whole is not None:
            yield from _faults_of_wholes(family, tests)
            continue
        for node, port in _mask_edges(_graph_of_halves(family)):
            yield EdgeFault(family, node, port, tests)
        if stated.encoder is not None and _encoder_side(family).mask is not None:
            yield EndFault(family, tests)


def _faults_of_wholes(family: str, tests: tuple[str, ...]) -> Iterator[EdgeFault | EndFault]:
    from specs.builder import GraphBuilder

    stated, view = family_of(family), view_of(family, "model")
    for architecture in stated.architectures:
        view.architecture = architecture
        graph = stated.whole(GraphBuilder(family), view, "error")
        for node, port in _mask_edges(graph):
            yield EdgeFault(family, node, port, tests, architecture)
        for method in graph.encoders:
            if "mask" in method.outputs:
                yield EndFault(family, tests, method.name)


def _encoder_side(name: str) -> Any:
    from specs.builder import GraphBuilder

    return family_of(name).encoder(GraphBuilder(name), view_of(name, "encoder"), "error")


def _graph_of_halves(name: str) -> Any:
    from specs.builder import GraphBuilder
    from specs.graph import Ref
    from specs.values import Value

    stated = family_of(name)
    builder = GraphBuilder(name)
    source, mask = Ref("", "encoder_hidden_states"), Ref("", "encoder_attention_mask")
    if stated.encoder is not None:
        side = stated.encoder(builder, view_of(name, "encoder"), "error")
        source, mask = side.output, side.mask
    if stated.decoder is not None:
        stated.decoder(builder, view_of(name, "decoder"), source, Value(8), mask)
    return builder.graph({})


def _mask_edges(graph: Any) -> Iterator[tuple[str, str]]:
    from specs.signatures import SIGNATURES

    for node in graph.nodes.values():
        optional = {p.name for p in SIGNATURES[node.kind].inputs if p.role == "mask" and p.optional}
        yield from ((node.name, port) for port in node.inputs if port in optional)
