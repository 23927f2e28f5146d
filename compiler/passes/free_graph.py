"""Pass 3 for free graphs: blocks and connections as written, turned into a graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from compiler.passes.findings import Findings
from compiler.spec import Spec
from specs.builder import normal_initialisation
from specs.dims import Dim
from specs.graph import Graph, Node, Ref, TensorType, Tie, Tokens
from specs.language import FreeGraph
from specs.problems import Problem
from specs.signatures import SIGNATURES, Hyper, Numbers, Signature
from specs.signatures.base import REQUIRED
from specs.values import Value

_NODE_WORDS = str.isidentifier


def lower_free_graph(spec: Spec, findings: Findings) -> Graph | None:
    """The graph a spec writes out, or None where a block is unknown or its hyper-parameters unusable."""
    written = spec.language.graph
    assert written is not None, "the spec is a free graph"
    nodes: dict[str, Node] = {}
    sound = True
    for name, stated in written.nodes.items():
        address = f"graph.nodes.{name}"
        signature = SIGNATURES.get(stated.block)
        if not all(_NODE_WORDS(word) for word in name.split(".")):
            sound = False
            findings.report([_bad_name(address, name)])
        elif signature is None:
            sound = False
            findings.report([_unknown_block(address, stated.block)])
        else:
            problems, numbers = _numbers(
                signature, stated.with_, f"{address}.with", written, spec.language.dims
            )
            findings.report(problems)
            if problems:
                sound = False
                continue
            reads = {port: _ref(text, written) for port, text in stated.inputs.items()}
            nodes[name] = Node(name, stated.block, numbers, reads, signature.construct(Numbers(numbers)))
    if not sound:
        return None
    outputs = {name: _ref(text, written) for name, text in written.outputs.items()}
    inputs = {name: _input(name, spec) for name in written.inputs}
    graph = Graph(
        spec.name,
        inputs,
        nodes,
        outputs,
        None,
        tuple(Tie(kept, tied, f"graph.ties.{tied}") for tied, kept in written.ties.items()),
        _tokens(spec),
        normal_initialisation(0.02, "nn.Linear", "nn.Conv1d", "nn.Embedding", "nn.LayerNorm"),
        frozenset(name for name, stated in written.inputs.items() if stated.optional),
    )
    return graph


def crossing(graph: Graph) -> tuple[tuple[Ref, Ref | None] | None, list[Problem]]:
    """What goes from encode to decode: one hidden state and at most one mask."""
    decode = graph.decode_nodes()
    if not decode:
        hidden = next((r for n, r in graph.outputs.items() if _role(graph, r) == "hidden"), None)
        mask = next((r for n, r in graph.outputs.items() if _role(graph, r) == "mask"), None)
        if hidden is None:
            return None, [
                Problem(
                    "XL205",
                    "no output holds hidden states",
                    (("graph.outputs", "none here"),),
                    help="add one",
                )
            ]
        return (hidden, mask), []
    crossings: dict[str, dict[Ref, str]] = {"hidden": {}, "mask": {}}
    for name in decode:
        node = graph.nodes[name]
        for port, ref in node.inputs.items():
            outside = ref.node not in decode and (ref.node or not ref.port.startswith("decoder_"))
            role = _role(graph, ref)
            if outside and role in crossings:
                crossings[role].setdefault(ref, f"graph.nodes.{name}.inputs.{port}")
    problems = [
        Problem(
            "XL205",
            f"decode reads {len(found)} {'hidden states' if role == 'hidden' else 'masks'} of encode",
            tuple((at, str(ref)) for ref, at in found.items()),
            info=("encode hands over one hidden state and one mask",),
        )
        for role, found in crossings.items()
        if len(found) > 1
    ]
    if not crossings["hidden"]:
        return None, problems
    return (next(iter(crossings["hidden"])), next(iter(crossings["mask"]), None)), problems


def _role(graph: Graph, ref: Ref) -> str | None:
    if not ref.node:
        return graph.inputs[ref.port].role
    outputs = SIGNATURES[graph.nodes[ref.node].kind].outputs
    return next((port.role for port in outputs if port.name == ref.port), None)


def _ref(text: str, written: FreeGraph) -> Ref:
    """`input` or `node.port`; a bare node means its first output."""
    if text in written.inputs:
        return Ref("", text)
    if text in written.nodes and written.nodes[text].block in SIGNATURES:
        return Ref(text, SIGNATURES[written.nodes[text].block].outputs[0].name)
    node, _, port = text.rpartition(".")
    return Ref(node, port)


def _input(name: str, spec: Spec) -> TensorType:
    assert spec.language.graph is not None
    stated = spec.language.graph.inputs[name]
    named = spec.language.dims
    dims = tuple(
        Dim.constant(d) if isinstance(d, int) else Dim.constant(named[d]) if d in named else Dim.name(d)
        for d in stated.dims
    )
    origins = tuple(f"graph.inputs.{name}.dims.{i}" for i in range(len(dims)))
    return TensorType(
        stated.role, dims, "int64" if stated.role in ("mask", "token_ids") else "float", origins
    )


def _tokens(spec: Spec) -> Tokens | None:
    stated = spec.language.tokens
    if stated is None or stated.decoder_start is None or stated.pad is None:
        return None
    return Tokens(Value(stated.decoder_start, "tokens.decoder_start"), Value(stated.pad, "tokens.pad"))


def _numbers(
    signature: Signature, given: Mapping[str, Any], address: str, written: FreeGraph, dims: Mapping[str, int]
) -> tuple[list[Problem], dict[str, Value]]:
    problems: list[Problem] = []
    values: dict[str, Value] = {}
    names = [hyper.name for hyper in signature.hypers]
    for name in given:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            problems.append(
                Problem(
                    "XL209",
                    f"block {signature.kind} has no hyper-parameter `{name}`",
                    ((f"{address}.{name}", "unknown"),),
                    (f"it has {', '.join(names)}",),
                    f"did you mean `{near[0]}`?" if near else None,
                )
            )
    for hyper in signature.hypers:
        if hyper.name not in given:
            if hyper.default is REQUIRED:
                problems.append(
                    Problem(
                        "XL209",
                        f"block {signature.kind} needs `{hyper.name}`: {hyper.description}",
                        ((address, f"`{hyper.name}` is missing"),),
                        help=f"add `{hyper.name}:` under `with:`",
                    )
                )
            else:
                values[hyper.name] = Value(hyper.default)
            continue
        value = given[hyper.name]
        if isinstance(value, str) and hyper.type in (int, float) and value in dims:
            value = dims[value]
        problems += _typed(hyper, value, f"{address}.{hyper.name}", dims)
        values[hyper.name] = Value(
            float(value) if hyper.type is float and type(value) is int else value, f"{address}.{hyper.name}"
        )
    return problems, values


def _typed(hyper: Hyper, value: Any, address: str, dims: Mapping[str, int]) -> Iterable[Problem]:
    types = {int: "a whole number", float: "a number", bool: "true or false", str: "text", list: "a list"}
    fits = type(value) is hyper.type or (hyper.type is float and type(value) is int)
    if fits and hyper.items is not None:
        fits = bool(value) and all(type(item) is hyper.items for item in value)
    if not fits:
        expected = types[hyper.type] + (" of whole numbers" if hyper.items is int else "")
        hint = f"; `dims` has {', '.join(dims)}" if isinstance(value, str) and dims else ""
        yield Problem(
            "XL209",
            f"`{hyper.name}` must be {expected}, not {value!r}",
            ((address, f"expected {expected}"),),
            (hyper.description + hint,),
        )
        return
    if hyper.choices and value not in hyper.choices:
        near = get_close_matches(value, hyper.choices, n=1)
        yield Problem(
            "XL112",
            f"`{hyper.name}` is {value!r}, which is not one of its choices",
            ((address, "not a choice"),),
            (f"choices: {', '.join(hyper.choices)}",),
            f"did you mean `{near[0]}`?" if near else None,
        )
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        low, high = hyper.minimum, hyper.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            bounds = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
            yield Problem(
                "XL104", f"`{hyper.name}` is {number}: it must be {bounds}", ((address, "out of range"),)
            )


def _bad_name(address: str, name: str) -> Problem:
    return Problem(
        "XL208",
        f"{name!r} cannot name a node",
        ((address, "not a name"),),
        ("a node's name becomes a module path: words of letters, digits and _, joined by dots",),
    )


def _unknown_block(address: str, block: str) -> Problem:
    near = get_close_matches(block, SIGNATURES, n=1)
    return Problem(
        "XL201",
        f"unknown block `{block}`",
        ((f"{address}.block", "no such block"),),
        (f"blocks: {', '.join(sorted(SIGNATURES))}",),
        f"did you mean `{near[0]}`?" if near else None,
    )
