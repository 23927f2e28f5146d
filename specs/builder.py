"""Assembling a graph, a node at a time, as families do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from specs.dims import Dim
from specs.graph import Graph, Method, Node, Ref, TensorType, Tie, Tokens
from specs.initialisation import Initialisation
from specs.signatures import SIGNATURES, Numbers
from specs.values import Value

Size = str | int | Value


class GraphBuilder:
    """Collects inputs and nodes; every method that adds one returns the port to connect next."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._inputs: dict[str, TensorType] = {}
        self._optional: set[str] = set()
        self._nodes: dict[str, Node] = {}

    def input(
        self,
        name: str,
        role: str,
        dims: tuple[Size, ...],
        dtype: str = "float",
        optional: bool = False,
        fill: int = 0,
    ) -> Ref:
        """Declare a graph input named as on the Hub."""
        self._inputs[name] = TensorType(
            role,
            tuple(Dim.name(d) if isinstance(d, str) else Dim.constant(int(d)) for d in dims),
            dtype,
            tuple(d.origin if isinstance(d, Value) else None for d in dims),
            fill,
        )
        if optional:
            self._optional.add(name)
        return Ref("", name)

    def node(self, name: str, kind: str, numbers: Mapping[str, Any], **inputs: Ref) -> Ref:
        """Add a node; numbers not given take the signature's defaults. Returns its first output."""
        self._nodes[name] = make_node(name, kind, numbers, inputs)
        return Ref(name, SIGNATURES[kind].outputs[0].name)

    def graph(
        self,
        outputs: Mapping[str, Ref],
        encoded: tuple[Ref, Ref | None] | None = None,
        ties: tuple[Tie, ...] = (),
        tokens: Tokens | None = None,
        initialisations: tuple[Initialisation, ...] = (),
        encoders: tuple[Method, ...] = (),
        methods: tuple[Method, ...] = (),
    ) -> Graph:
        """The finished graph."""
        return Graph(
            self._name,
            self._inputs,
            self._nodes,
            outputs,
            encoded,
            ties,
            tokens,
            initialisations,
            frozenset(self._optional),
            encoders=encoders,
            methods=methods,
        )


def make_node(name: str, kind: str, numbers: Mapping[str, Any], inputs: Mapping[str, Ref]) -> Node:
    """A block in its place; numbers not given take the signature's defaults."""
    signature = SIGNATURES[kind]
    values = signature.defaults.copy()
    for key, number in numbers.items():
        values[key] = number if isinstance(number, Value) else Value(number)
    assert len(values) == len(signature.hypers), f"{kind} has no {numbers.keys() - signature.defaults.keys()}"
    return Node(name, kind, values, inputs, signature.construct(Numbers(values)))
