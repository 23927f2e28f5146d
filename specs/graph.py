"""The intermediate representation: blocks, nodes, and the graph they form.

A `Block` is one constructor call (a class of `blocks/` or of `torch.nn`) with its numbers and built
parts. A `Node` gives a block a place: a name, which is also the module path and the state-dict
prefix, and the ports it reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import Any, NamedTuple

from specs.dims import Dim
from specs.initialisation import Initialisation
from specs.values import Value, plain

OF_DECODING = "decoder_"
"""What the names of inputs of decode begin with."""

ROLES = ("waveform", "features", "image", "hidden", "mask", "token_ids", "logits", "units", "lengths")


@dataclass(frozen=True, slots=True)
class Block:
    """One constructor call: `name(numbers..., parts...)`; a `torch.nn` class is written `nn.X`."""

    name: str
    numbers: Mapping[str, Value] = field(default_factory=dict)
    parts: Mapping[str, Block | tuple[Repeat, ...]] = field(default_factory=dict)

    def children(self) -> Iterator[Block]:
        """Every distinct block directly inside this one."""
        for part in self.parts.values():
            if isinstance(part, Block):
                yield part
            else:
                yield from (repeat.block for repeat in part)

    def classes(self) -> set[str]:
        """The names of this class and of those inside it."""
        names = {self.name}
        for child in self.children():
            names |= child.classes()
        return names

    def walk(self) -> Iterator[Block]:
        """This block and all inside it, each distinct one once."""
        yield self
        for child in self.children():
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Repeat:
    """`count` equal blocks in a list."""

    block: Block
    count: Value


class Ref(NamedTuple):
    """A port of a node, or a graph input (`node` empty)."""

    node: str
    port: str

    def __str__(self) -> str:
        return f"{self.node}.{self.port}" if self.node else self.port


class TensorType(NamedTuple):
    """Role, symbolic dimensions and dtype of what flows through a port.

    `origins` names, a dimension at a time, the configuration field that settled it. `fill` is what pads it.
    """

    role: str
    dims: tuple[Dim, ...]
    dtype: str = "float"
    origins: tuple[str | None, ...] = ()
    fill: int = 0

    def __str__(self) -> str:
        return f"[{', '.join(str(dim) for dim in self.dims)}]"


class Node(NamedTuple):
    """A block in its place. `kind` names its signature; `numbers` are the signature's hyper-parameters.

    `origin` is where a spec writes the node; None for one that a family states.
    """

    name: str
    kind: str
    numbers: Mapping[str, Value]
    inputs: Mapping[str, Ref]
    block: Block
    origin: str | None = None


class Tie(NamedTuple):
    """Two parameter addresses that are one tensor; `kept` is the one that is stored."""

    kept: str
    tied: str
    origin: str | None = None


class Tokens(NamedTuple):
    """Ids the model itself needs: for shifting labels and for masks.

    Labels follow the start id, or where they `rotate` their own last one.
    """

    decoder_start: Value
    pad: Value
    bos: Value | None = None
    eos: Value | None = None
    rotate: bool = False


class Method(NamedTuple):
    """A piece of a graph that is called by itself.

    Attributes:
        name: what the live model calls it.
        summary: what it computes, in a sentence that ends the way it is read.
        inputs: the graph inputs it takes, in order.
        outputs: what it gives, by name, in order.
    """

    name: str
    summary: str
    inputs: tuple[str, ...]
    outputs: Mapping[str, Ref]


@dataclass(frozen=True)
class Graph:
    """Nodes in any order, their inputs, and what leaves the model.

    `encoded` is what crosses from encode to decode: the hidden states and, where there is one,
    their mask. `types` is filled by the dimension pass: the type of every port.

    A graph of several encoders has a method for each in `encoders`; `encode` calls the one whose input is
    given, and decode reads what it gives as graph inputs of its own. `methods` are called beside encode and
    decode. An output `states` is what decode computes before the output `logits`.
    """

    name: str
    inputs: Mapping[str, TensorType]
    nodes: Mapping[str, Node]
    outputs: Mapping[str, Ref]
    encoded: tuple[Ref, Ref | None] | None = None
    ties: tuple[Tie, ...] = ()
    tokens: Tokens | None = None
    initialisations: tuple[Initialisation, ...] = ()
    optional_inputs: frozenset[str] = frozenset()
    types: Mapping[Ref, TensorType] = field(default_factory=dict)
    minimums: Mapping[str, int] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    encoders: tuple[Method, ...] = ()
    methods: tuple[Method, ...] = ()

    @property
    def edges(self) -> tuple[tuple[Ref, Ref], ...]:
        """(producer port, consumer port) pairs, in node order."""
        return tuple(
            (source, Ref(node.name, port))
            for node in self.nodes.values()
            for port, source in node.inputs.items()
        )

    def order(self) -> tuple[Node, ...]:
        """Nodes in an order that respects the edges and, among equals, the order written.

        Raises:
            graphlib.CycleError: the nodes form a cycle.
        """
        return self._ordered

    @cached_property
    def _ordered(self) -> tuple[Node, ...]:
        reads = tuple((n.name, tuple([ref.node for ref in n.inputs.values()])) for n in self.nodes.values())
        return tuple([self.nodes[name] for name in _order(reads)])

    def reachable_from(self, start: str) -> frozenset[str]:
        """Names of the nodes that see the graph input `start`."""
        seen: set[str] = set()
        for node in self.order():
            if any(ref.node in seen or (not ref.node and ref.port == start) for ref in node.inputs.values()):
                seen.add(node.name)
        return frozenset(seen)

    def decode_nodes(self) -> frozenset[str]:
        """Names of the nodes that run at every decode step; the others run once, in encode."""
        return self.reachable_from("decoder_input_ids")

    def behind(self, refs: Iterable[Ref]) -> frozenset[str]:
        """Names of the nodes that these ports are computed by."""
        waiting = [ref.node for ref in refs]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in self.nodes and name not in seen:
                seen.add(name)
                waiting += [ref.node for ref in self.nodes[name].inputs.values()]
        return frozenset(seen)

    def sections(self) -> dict[str, tuple[Node, ...]]:
        """The nodes in order, by the method that calls them: an encoder or `encode`, `decode`, the others."""
        owners = dict.fromkeys(self.decode_nodes(), "decode")
        for method in (*self.encoders, *self.methods):
            nodes = self.behind(method.outputs.values())
            assert not nodes & owners.keys(), f"`{method.name}` shares {sorted(nodes & owners.keys())}"
            owners |= dict.fromkeys(nodes, method.name)
        first = [method.name for method in self.encoders] or ["encode"]
        found: dict[str, list[Node]] = {name: [] for name in (*first, "decode")}
        found |= {method.name: [] for method in self.methods}
        for node in self.order():
            found[owners.get(node.name, first[0])].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    @property
    def encode_inputs(self) -> tuple[str, ...]:
        """What encode takes, in the order written."""
        if self.encoders:
            return tuple(dict.fromkeys(name for method in self.encoders for name in method.inputs))
        others = {name for method in self.methods for name in method.inputs}
        return tuple(n for n in self.inputs if not n.startswith(OF_DECODING) and n not in others)

    def encoded_of(self, name: str) -> Ref | None:
        """The hidden states that encode gives of an input; None where nothing is handed to decode."""
        of_several = (method.outputs["hidden"] for method in self.encoders if name in method.inputs)
        return next(of_several, self.encoded[0] if self.encoded else None)

    @property
    def decode_inputs(self) -> tuple[str, ...]:
        """What decode takes beside what encode gives, in the order written."""
        return tuple(name for name in self.inputs if name.startswith(OF_DECODING))

    @property
    def results(self) -> tuple[Ref, ...]:
        """Every port that leaves the graph, or crosses from one method to another."""
        crossing = tuple(ref for ref in self.encoded or () if ref is not None)
        given = (ref for method in (*self.encoders, *self.methods) for ref in method.outputs.values())
        return (*self.outputs.values(), *crossing, *given)

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Every parameter's address and shape; a tied parameter appears under both its addresses."""
        return dict(self.shapes.items())

    def to_json(self) -> str:
        """Nodes, edges, types and parameters as JSON."""
        return json.dumps(
            {
                "name": self.name,
                "inputs": {name: _type(type_) for name, type_ in self.inputs.items()},
                "nodes": {
                    node.name: {
                        "block": node.kind,
                        "with": {key: plain(value) for key, value in node.numbers.items()},
                        "inputs": {port: str(ref) for port, ref in node.inputs.items()},
                    }
                    for node in self.nodes.values()
                },
                "outputs": {name: str(ref) for name, ref in self.outputs.items()},
                "edges": [[str(source), str(target)] for source, target in self.edges],
                "types": {str(ref): _type(type_) for ref, type_ in self.types.items()},
                "parameters": {address: list(shape) for address, shape in self.shapes.items()},
                "ties": [[tie.kept, tie.tied] for tie in self.ties],
                "minimum_lengths": dict(self.minimums),
                "methods": {
                    method.name: {
                        "inputs": list(method.inputs),
                        "outputs": {name: str(ref) for name, ref in method.outputs.items()},
                    }
                    for method in (*self.encoders, *self.methods)
                },
            },
            indent=1,
        )


@lru_cache(maxsize=1024)
def _order(reads: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[str, ...]:
    """Names after all that they read, among equals as written. Specs of one family mostly share theirs."""
    written = {name: index for index, (name, _) in enumerate(reads)}
    sorter = TopologicalSorter({name: [one for one in read if one in written] for name, read in reads})
    sorter.prepare()
    ordered: list[str] = []
    ready: list[tuple[int, str]] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, (written[name], name))
        _, name = heappop(ready)
        ordered.append(name)
        sorter.done(name)
    return tuple(ordered)


def _type(type_: TensorType) -> dict[str, Any]:
    return {"role": type_.role, "dims": [str(dim) for dim in type_.dims], "dtype": type_.dtype}


__all__ = [
    "OF_DECODING",
    "ROLES",
    "Block",
    "CycleError",
    "Graph",
    "Method",
    "Node",
    "Ref",
    "Repeat",
    "TensorType",
    "Tie",
    "Tokens",
]
