"""Pass 3 for free graphs: blocks and connections as written, turned into a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.diagnostics.near import near
from compiler.passes.dims import UNKNOWN
from compiler.passes.findings import Findings, key_of
from compiler.passes.hypers import numbers_of
from compiler.passes.names import is_size, name_problems
from compiler.spec import Spec
from specs.builder import normal_initialisation
from specs.dims import Dim
from specs.graph import Graph, Node, Ref, TensorType, Tie, Tokens
from specs.language import FreeGraph, GraphInput, GraphNode
from specs.problems import Problem
from specs.signatures import SIGNATURES, Numbers
from specs.values import Value


@dataclass(frozen=True)
class Written:
    """A free graph as far as it can be used.

    Attributes:
        graph: the inputs and nodes that are sound in themselves, connected as written.
        lost: names of inputs and nodes with a finding of their own; what reads them is not looked at.
        read: what lost nodes read, so that they are not taken for dead; None where it cannot be told.
    """

    graph: Graph
    lost: frozenset[str]
    read: frozenset[Ref] | None


def lower_free_graph(spec: Spec, findings: Findings) -> Written:
    """The graph a spec writes out; a node whose block or numbers cannot be used is left out and named."""
    written = spec.language.graph
    assert written is not None, "the spec is a free graph"
    stated = findings.document.data["graph"]  # with the entries that were reported
    dims = spec.language.dims
    findings.report([*name_problems(written, dims), *_idle_sizes(written, dims)])
    nodes = {
        name: node
        for name, entry in written.nodes.items()
        if (node := _node(name, entry, stated, dims, findings)) is not None
    }
    inputs = {name: _input(name, entry, dims, findings) for name, entry in written.inputs.items()}
    lost = {name for name in stated["nodes"] if name not in nodes}
    lost |= {name for name in stated["inputs"] if name not in inputs}
    graph = Graph(
        spec.name,
        inputs,
        nodes,
        {name: _ref(text, stated) for name, text in written.outputs.items()},
        None,
        tuple(Tie(kept, tied, f"graph.ties.{tied}") for tied, kept in written.ties.items()),
        _tokens(spec),
        normal_initialisation(0.02, "nn.Linear", "nn.Conv1d", "nn.Embedding", "nn.LayerNorm"),
        frozenset(name for name, entry in written.inputs.items() if entry.optional),
    )
    return Written(graph, frozenset(lost), _read(lost, stated))


def _node(
    name: str, entry: GraphNode, stated: Mapping[str, Any], dims: Mapping[str, int], findings: Findings
) -> Node | None:
    address = f"graph.nodes.{name}"
    signature = SIGNATURES.get(entry.block)
    if signature is None:
        findings.report([_unknown_block(address, entry.block)])
        return None
    problems, numbers = numbers_of(signature, entry.with_, address, dims)
    findings.report(problems)
    for problem in problems:
        for place, _ in problem.at:
            findings.poison(place)
    inputs = {port: _ref(text, stated) for port, text in entry.inputs.items()}
    return Node(name, entry.block, numbers, inputs, signature.construct(Numbers(numbers)))


def _ref(text: str, stated: Mapping[str, Any]) -> Ref:
    """`input` or `node.port`; a bare node means its first output."""
    if text in stated["inputs"]:
        return Ref("", text)
    if text in stated["nodes"]:
        entry = stated["nodes"][text]
        signature = SIGNATURES.get(str(entry.get("block"))) if isinstance(entry, dict) else None
        return Ref(text, signature.outputs[0].name if signature else "")
    node, _, port = text.rpartition(".")
    return Ref(node, port)


def _read(lost: set[str], stated: Mapping[str, Any]) -> frozenset[Ref] | None:
    read = set()
    for name in lost & stated["nodes"].keys():
        entry = stated["nodes"][name]
        inputs = entry.get("inputs", {}) if isinstance(entry, dict) else None
        if not isinstance(inputs, dict):
            return None
        read |= {_ref(text, stated) for text in inputs.values() if isinstance(text, str)}
    return frozenset(read)


def _input(name: str, entry: GraphInput, named: Mapping[str, int], findings: Findings) -> TensorType:
    def size(written: int | str) -> Dim:
        if isinstance(written, int):
            return Dim.constant(written)
        if written in named:
            return Dim.constant(named[written])
        return (
            UNKNOWN if findings.is_poisoned(f"dims.{written}") or not is_size(written) else Dim.name(written)
        )

    origins = tuple(
        f"dims.{dim}" if dim in named else f"graph.inputs.{name}.dims.{index}"
        for index, dim in enumerate(entry.dims)
    )
    dtype = "int64" if entry.role in ("mask", "token_ids") else "float"
    return TensorType(entry.role, tuple(map(size, entry.dims)), dtype, origins)


def _idle_sizes(written: FreeGraph, dims: Mapping[str, int]) -> Iterator[Problem]:
    """XL204 for names under `dims:` that nothing uses, unless a name like it is used that does not exist."""
    used = {dim for entry in written.inputs.values() for dim in entry.dims if isinstance(dim, str)}
    for node in written.nodes.values():
        used |= {value for value in node.with_.values() if isinstance(value, str)}
    for name in dims:
        if name not in used and not near(name, used - dims.keys()):
            yield Problem(
                "XL204",
                f"the size `{name}` is used nowhere",
                ((key_of(f"dims.{name}"), "not used"),),
                help="use it, or remove it",
            )


def _tokens(spec: Spec) -> Tokens | None:
    stated = spec.language.tokens
    if stated is None or stated.decoder_start is None or stated.pad is None:
        return None
    return Tokens(Value(stated.decoder_start, "tokens.decoder_start"), Value(stated.pad, "tokens.pad"))


def _unknown_block(address: str, block: str) -> Problem:
    close = near(block, SIGNATURES)
    return Problem(
        "XL201",
        f"unknown block `{block}`",
        ((f"{address}.block", "no such block"),),
        help=f"did you mean `{close[0]}`?" if close else f"blocks are {', '.join(sorted(SIGNATURES))}",
    )
