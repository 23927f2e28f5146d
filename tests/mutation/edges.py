"""Faults of the families' graphs: every edge that carries a mask, left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.mutation import tree
from tests.mutation.rows import TESTS, family_of, view_of


@dataclass(frozen=True)
class EdgeFault:
    """A node is not given its mask; its group is the family."""

    group: str
    node: str
    port: str
    tests: tuple[str, ...]
    equivalent: str | None = None

    @property
    def name(self) -> str:
        """The edge."""
        return f"`{self.port}` not wired to `{self.node}`"

    def killer(self, copy: Path) -> str | None:
        """The first test that fails without the edge."""
        return tree.first_to_fail(copy, self._cut, self.tests, self.group)

    def _cut(self) -> None:
        from specs.builder import GraphBuilder

        whole = GraphBuilder.node

        def node(builder: GraphBuilder, name: str, kind: str, numbers: Any, **inputs: Any) -> Any:
            kept = {port: ref for port, ref in inputs.items() if (name, port) != (self.node, self.port)}
            return whole(builder, name, kind, numbers, **kept)

        GraphBuilder.node = node  # type: ignore[method-assign, assignment]


@dataclass(frozen=True)
class EndFault:
    """The encoder hands no mask on; its group is the family."""

    group: str
    tests: tuple[str, ...]
    name: str = "the encoder's mask not handed on"
    equivalent: str | None = None

    def killer(self, copy: Path) -> str | None:
        """The first test that fails without the mask."""
        return tree.first_to_fail(copy, self._cut, self.tests, self.group)

    def _cut(self) -> None:
        stated = family_of(self.group)
        whole = stated.encoder

        def encoder(*arguments: Any) -> Any:
            return replace(whole(*arguments), mask=None)

        object.__setattr__(stated, "encoder", encoder)


def edge_faults() -> Iterator[EdgeFault | EndFault]:
    """A fault for every mask that may be left out."""
    for family, tests in TESTS.items():
        for node, port in _mask_edges(family):
            yield EdgeFault(family, node, port, tests)
        stated = family_of(family)
        if stated.encoder is not None and _encoder_side(family).mask is not None:
            yield EndFault(family, tests)


def _encoder_side(name: str) -> Any:
    from specs.builder import GraphBuilder

    return family_of(name).encoder(GraphBuilder(name), view_of(name, "encoder"), "error")


def _mask_edges(name: str) -> Iterator[tuple[str, str]]:
    from specs.builder import GraphBuilder
    from specs.graph import Ref
    from specs.signatures import SIGNATURES
    from specs.values import Value

    stated = family_of(name)
    builder = GraphBuilder(name)
    source, mask = Ref("", "encoder_hidden_states"), Ref("", "encoder_attention_mask")
    if stated.encoder is not None:
        side = stated.encoder(builder, view_of(name, "encoder"), "error")
        source, mask = side.output, side.mask
    if stated.decoder is not None:
        stated.decoder(builder, view_of(name, "decoder"), source, Value(8), mask)
    for node in builder.graph({}).nodes.values():
        optional = {p.name for p in SIGNATURES[node.kind].inputs if p.role == "mask" and p.optional}
        yield from ((node.name, port) for port in node.inputs if port in optional)
