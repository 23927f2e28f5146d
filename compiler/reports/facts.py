"""What there is to say about a verified graph, node by node: every picture and table is drawn from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.reports.sizes import example_sizes, sizes_by_encoder
from compiler.spec import Spec
from specs.dims import Dim
from specs.graph import Block, Graph, Node, Ref, TensorType
from specs.signatures import SIGNATURES, Numbers
from specs.values import plain

BYTES_PER_PARAMETER = 4
"""As float32, the dtype a model is built in."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node.

    Attributes:
        side: the method that calls it: `encode`, `decode`, or another of a model that has more.
        inputs: port -> where it reads from.
        outputs: port -> what it gives.
        parameters: scalars it owns; one that is tied to another node's is counted there.
        operations: multiply-adds of one forward, over the graph's free sizes.
        parts: what a stack repeats, such as `12 x PreNormEncoderLayer`.
    """

    address: str
    block: str
    side: str
    numbers: Mapping[str, Any]
    inputs: Mapping[str, Ref]
    outputs: Mapping[str, TensorType]
    parameters: int
    operations: Dim
    parts: tuple[str, ...]
    leaks_padding: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """A whole model.

    Attributes:
        sides: the methods that call nodes, in order.
        outputs: what leaves the model; what another method gives is `METHOD.NAME`.
        sizes: the free sizes at which operations are counted.
        encoder_sizes: of several encoders, the sizes of each.
        minimums: shortest value of every free size.
        crossing: what encode hands to decode.
        ties: tied address -> the address that is kept.
    """

    name: str
    form: str
    inputs: Mapping[str, TensorType]
    optional_inputs: frozenset[str]
    sides: tuple[str, ...]
    nodes: tuple[NodeFacts, ...]
    outputs: Mapping[str, Ref]
    crossing: tuple[Ref, ...]
    types: Mapping[Ref, TensorType]
    parameters: int
    ties: Mapping[str, str]
    sizes: Mapping[str, int]
    encoder_sizes: Mapping[str, Mapping[str, int]]
    minimums: Mapping[str, int]
    tokens: Mapping[str, Any]

    def of(self, side: str) -> tuple[NodeFacts, ...]:
        """The nodes that a method calls."""
        return tuple(node for node in self.nodes if node.side == side)

    def counted(self, node: NodeFacts) -> int:
        """Multiply-adds of a node at its method's sizes."""
        return node.operations.evaluate(self.encoder_sizes.get(node.side, self.sizes))

    def total(self, side: str) -> tuple[int, int]:
        """Parameters of a method's nodes, and their multiply-adds."""
        nodes = self.of(side)
        return sum(node.parameters for node in nodes), sum(self.counted(node) for node in nodes)

    def counted_at(self) -> str:
        """The sizes in words; of several encoders the others' where they differ from the first's."""
        shown = [_sizes(self.sizes)]
        for side, sizes in self.encoder_sizes.items():
            if other := {name: size for name, size in sizes.items() if size != self.sizes[name]}:
                shown.append(f"{side} at {_sizes(other)}")
        return "; ".join(shown)

    def _side(self, side: str) -> dict[str, Any]:
        parameters, operations = self.total(side)
        return {
            "name": side,
            "parameters": parameters,
            "bytes": parameters * BYTES_PER_PARAMETER,
            "operations": operations,
            "operations_counted_at": dict(self.encoder_sizes.get(side, self.sizes)),
        }

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "name": self.name,
            "form": self.form,
            "parameters": self.parameters,
            "bytes": self.parameters * BYTES_PER_PARAMETER,
            "ties": dict(self.ties),
            "tokens": dict(self.tokens),
            "minimum_lengths": dict(self.minimums),
            "operations_counted_at": dict(self.sizes),
            "sides": [self._side(side) for side in self.sides],
            "inputs": {
                name: {**_type(type_), "optional": name in self.optional_inputs}
                for name, type_ in self.inputs.items()
            },
            "nodes": [
                {
                    "address": node.address,
                    "block": node.block,
                    "side": node.side,
                    "with": dict(node.numbers),
                    "inputs": {port: str(ref) for port, ref in node.inputs.items()},
                    "outputs": {port: _type(type_) for port, type_ in node.outputs.items()},
                    "parameters": node.parameters,
                    "bytes": node.parameters * BYTES_PER_PARAMETER,
                    "operations": {"formula": str(node.operations), "count": self.counted(node)},
                    "leaks_padding": node.leaks_padding,
                }
                for node in self.nodes
            ],
            "outputs": {name: str(ref) for name, ref in self.outputs.items()},
            "encoded": [str(ref) for ref in self.crossing],
        }


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size}" for name, size in sizes.items())


def facts_of(spec: Spec, graph: Graph) -> Facts:
    """The facts of a checked spec."""
    sides = {name: [node.name for node in nodes] for name, nodes in graph.sections().items() if nodes}
    side_of = {node: side for side, nodes in sides.items() for node in nodes}
    ties = {tie.tied: tie.kept for tie in graph.ties}
    shapes = graph.parameters()
    sizes = example_sizes(graph, spec.processing)
    counts: dict[str, int] = dict.fromkeys(graph.nodes, 0)
    for address, shape in shapes.items():
        if address not in ties:
            counts[_owner(address, graph)] += math.prod(shape)
    nodes = tuple(
        NodeFacts(
            address=node.name,
            block=node.kind,
            side=side_of[node.name],
            numbers={name: plain(value) for name, value in node.numbers.items()},
            inputs=node.inputs,
            outputs={
                port.name: graph.types[Ref(node.name, port.name)] for port in SIGNATURES[node.kind].outputs
            },
            parameters=counts[node.name],
            operations=_operations(graph, node),
            parts=tuple(_parts(node.block)),
            leaks_padding=SIGNATURES[node.kind].leaks_padding,
        )
        for node in graph.order()
    )
    return Facts(
        name=spec.name,
        form=form_of(spec),
        inputs=graph.inputs,
        optional_inputs=graph.optional_inputs,
        sides=tuple(sides),
        nodes=nodes,
        outputs=_outputs(graph),
        crossing=_crossing(graph),
        types=graph.types,
        parameters=sum(counts.values()),
        ties=ties,
        sizes=sizes,
        encoder_sizes=sizes_by_encoder(graph, spec.processing, sizes),
        minimums=graph.minimums,
        tokens=_tokens(graph),
    )


def _outputs(graph: Graph) -> dict[str, Ref]:
    given = {f"{m.name}.{name}": ref for m in graph.methods for name, ref in m.outputs.items()}
    return {**graph.outputs, **given}


def _crossing(graph: Graph) -> tuple[Ref, ...]:
    """What the encoders hand to decode; of a single one, what decode reads."""
    if graph.encoders:
        return tuple(ref for method in graph.encoders for ref in method.outputs.values())
    return tuple(ref for ref in graph.encoded or () if ref is not None)


def form_of(spec: Spec) -> str:
    """The parts of a spec in words: `ROLE: FAMILY`, one after another."""
    if spec.kind == "graph":
        return "free graph"
    return ", ".join(f"{role}: {part.label}" for role, part in spec.parts.items())


def shortest_inputs(facts: Facts) -> str:
    """The least free sizes in words: `frames >= 9, target >= 1`; a batch has one row at least anyway."""
    return ", ".join(f"{name} >= {least}" for name, least in facts.minimums.items() if name != "batch")


def _owner(address: str, graph: Graph) -> str:
    """The node that a parameter's address lies below."""
    steps = address.split(".")
    prefixes = (".".join(steps[:length]) for length in range(len(steps) - 1, 0, -1))
    return next(prefix for prefix in prefixes if prefix in graph.nodes)


def _operations(graph: Graph, node: Node) -> Dim:
    signature, numbers = SIGNATURES[node.kind], Numbers(node.numbers)
    env = numbers.constants()
    arriving = ((port, node.inputs[port.name]) for port in signature.inputs if port.name in node.inputs)
    leaving = ((port, Ref(node.name, port.name)) for port in signature.outputs)
    for port, ref in (*arriving, *leaving):
        for rule, dim in zip(port.dims, graph.types[ref].dims, strict=True):
            if isinstance(rule, str):
                env.setdefault(rule, dim)
    return signature.operations(numbers, env)


def _parts(block: Block) -> Iterator[str]:
    for part in block.parts.values():
        if isinstance(part, Block):
            continue
        for repeat in part:
            count, name = int(repeat.count), repeat.block.name
            yield f"{count} x {name}" if count > 1 else name


def _tokens(graph: Graph) -> dict[str, Any]:
    if graph.tokens is None:
        return {}
    names = ("decoder_start", "pad", "bos", "eos")
    values = {name: plain(getattr(graph.tokens, name)) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _type(type_: TensorType) -> dict[str, Any]:
    return {"role": type_.role, "dims": [str(dim) for dim in type_.dims], "dtype": type_.dtype}
