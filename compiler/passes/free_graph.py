"""Pass 3 for free graphs: blocks and connections as written, turned into a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compiler.diagnostics.near import near
from compiler.passes.dims import UNKNOWN
from compiler.passes.editing import value_at
from compiler.passes.findings import Findings, key_of
from compiler.passes.hypers import numbers_of
from compiler.passes.names import is_size, name_problems, size_problems
from compiler.passes.written import CROSSING, IDS, Written
from compiler.spec import GraphPart, Spec
from specs.dims import Dim
from specs.graph import OF_DECODING, Graph, Node, Ref, TensorType, Tie, Tokens
from specs.language import BridgeBlock, GraphInput, GraphNode
from specs.problems import Problem
from specs.signatures import SIGNATURES, Numbers
from specs.values import Value


def lower_free_graph(spec: Spec, part: GraphPart, findings: Findings) -> Written:
    """The graph a spec writes out; a node whose block or numbers cannot be used is left out and named."""
    written = part.graph
    stated = value_at(findings.document.data, tuple(part.address.split(".")))  # with what was reported
    dims = spec.language.dims
    unlike = _unlike_the_half(part)
    findings.report([*name_problems(part, dims), *unlike.values(), *_no_ids(part)])
    nodes = {
        name: node
        for name, entry in written.nodes.items()
        if (node := _node(f"{part.address}.nodes.{name}", name, entry, stated, dims, findings)) is not None
    }
    inputs = {
        name: _input(f"{part.address}.inputs.{name}", entry, dims, findings)
        for name, entry in written.inputs.items()
        if name not in unlike
    }
    lost = {name for name in stated["nodes"] if name not in nodes}
    lost |= {name for name in stated["inputs"] if name not in inputs}
    graph = Graph(
        spec.name,
        inputs,
        nodes,
        {name: _ref(text, stated) for name, text in written.outputs.items()},
        ties=tuple(Tie(kept, tied, f"{part.address}.ties.{tied}") for tied, kept in written.ties.items()),
        tokens=None if part.role == "encoder" else _tokens(spec),
        optional_inputs=frozenset(name for name, entry in written.inputs.items() if entry.optional),
    )
    return Written(graph, frozenset(lost), _read(lost, stated), part.role, part.address, part.prefix)


def shared_sizes(spec: Spec) -> Iterator[Problem]:
    """What is wrong with the names under `dims:`: XL208 unusable, XL204 in none of the spec's graphs.

    Where a name like it is used that does not exist, that one is reported.
    """
    dims = spec.language.dims
    yield from size_problems(dims)
    bridge = spec.language.bridge
    stated = bridge.with_.values() if isinstance(bridge, BridgeBlock) else ()
    used = {value for value in stated if isinstance(value, str)}
    for part in spec.graphs.values():
        for entry in part.graph.inputs.values():
            used |= {dim for dim in entry.dims if isinstance(dim, str)}
        for node in part.graph.nodes.values():
            used |= {value for value in node.with_.values() if isinstance(value, str)}
    for name in dims:
        if name not in used and not near(name, used - dims.keys()):
            yield Problem(
                "XL204",
                f"the size `{name}` is used nowhere",
                ((key_of(f"dims.{name}"), "not used"),),
                help="use it, or remove it",
            )


def _unlike_the_half(part: GraphPart) -> dict[str, Problem]:
    """Inputs that such a half of a model is not given (XL210), or not with that role (XL205)."""
    if part.role == "model":
        return {}
    inputs = part.graph.inputs
    found: dict[str, Problem] = {}
    for name, entry in inputs.items():
        address = f"{part.address}.inputs.{name}"
        is_decoders = name.startswith(OF_DECODING) or name in CROSSING
        if part.role == "encoder" and is_decoders:
            found[name] = Problem(
                "XL210",
                f"`{name}` is given to a decoder, and this graph is an encoder",
                ((key_of(address), "not an input of an encoder"),),
                help="remove it, or name it as on the Hub: input_features, input_ids, attention_mask, ...",
            )
        elif part.role == "decoder" and not is_decoders:
            meant = _meant(entry.role, inputs)
            found[name] = Problem(
                "XL210",
                f"a decoder is not given `{name}`",
                ((key_of(address), "not an input of a decoder"),),
                (
                    f"it is given `{IDS}`, inputs whose name begins with `{OF_DECODING}`, and of the encoder "
                    + " and ".join(f"`{one}`" for one in CROSSING),
                ),
                f"call it `{meant}`" if meant else "remove it, or let the encoder read it",
            )
        elif part.role == "decoder" and entry.role != CROSSING.get(name, entry.role):
            found[name] = Problem(
                "XL205",
                f"`{name}` is what the encoder gives: its role is {CROSSING[name]}, not {entry.role}",
                ((f"{address}.role", "another role"),),
                help=f"write `role: {CROSSING[name]}`",
            )
    return found


def _no_ids(part: GraphPart) -> Iterator[Problem]:
    """XL210 for a decoder without ids, unless an input with another name is meant to be them."""
    inputs = part.graph.inputs
    if part.role == "decoder" and IDS not in inputs and "token_ids" not in {e.role for e in inputs.values()}:
        # The input is named too: where it was reported, its absence follows from that.
        yield Problem(
            "XL210",
            f"a decoder starts from `{IDS}`, and this graph has no such input",
            ((f"{part.address}.inputs", "without ids"), (f"{part.address}.inputs.{IDS}", "missing")),
            help=f"add `{IDS}: {{role: token_ids, dims: [batch, target]}}`",
        )


def _meant(role: str, inputs: Mapping[str, GraphInput]) -> str | None:
    """The input of a decoder that an unknown one of this role is taken for."""
    roles = {**CROSSING, IDS: "token_ids", "decoder_attention_mask": "mask"}
    return next((name for name, held in roles.items() if held == role and name not in inputs), None)


def _node(
    address: str,
    name: str,
    entry: GraphNode,
    stated: Mapping[str, Any],
    dims: Mapping[str, int],
    findings: Findings,
) -> Node | None:
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
    return Node(name, entry.block, numbers, inputs, signature.construct(Numbers(numbers)), address)


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


def _input(address: str, entry: GraphInput, named: Mapping[str, int], findings: Findings) -> TensorType:
    def size(written: int | str) -> Dim:
        if isinstance(written, int):
            return Dim.constant(written)
        if written in named:
            return Dim.constant(named[written])
        return (
            UNKNOWN if findings.is_poisoned(f"dims.{written}") or not is_size(written) else Dim.name(written)
        )

    origins = tuple(
        f"dims.{dim}" if dim in named else f"{address}.dims.{index}" for index, dim in enumerate(entry.dims)
    )
    dtype = "int64" if entry.role in ("mask", "token_ids", "units", "lengths") else "float"
    return TensorType(entry.role, tuple(map(size, entry.dims)), dtype, origins)


def _tokens(spec: Spec) -> Tokens | None:
    stated = spec.language.tokens
    if stated is None or stated.decoder_start is None or stated.pad is None:
        return None

    def given(name: str) -> Value | None:
        value = getattr(stated, name)
        return None if value is None else Value(value, f"tokens.{name}")

    start, pad = Value(stated.decoder_start, "tokens.decoder_start"), Value(stated.pad, "tokens.pad")
    return Tokens(start, pad, given("bos"), given("eos"))


def _unknown_block(address: str, block: str) -> Problem:
    close = near(block, SIGNATURES)
    return Problem(
        "XL201",
        f"unknown block `{block}`",
        ((f"{address}.block", "no such block"),),
        help=f"did you mean `{close[0]}`?" if close else f"blocks are {', '.join(sorted(SIGNATURES))}",
    )
