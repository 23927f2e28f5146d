"""Pass 6: symbolic dimensions through the graph; numbers that do not fit, widths that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from specs.dims import Dim, Proof, compare, minimum_input
from specs.graph import Graph, Node, Ref, TensorType
from specs.problems import Problem
from specs.signatures import SIGNATURES, Numbers, Port, resolve


def number_problems(graph: Graph) -> list[Problem]:
    """Hyper-parameters that break a rule of their signature."""
    problems = []
    for node in graph.order():
        numbers = Numbers(node.numbers)
        problems += numbers.problems(SIGNATURES[node.kind].violations(numbers))
    return problems


def infer(graph: Graph) -> tuple[Graph, list[Problem]]:
    """The graph with the type of every port and the minimum input lengths, and what does not fit.

    A node whose inputs do not fit keeps its declared outputs, so that one mistake is one finding.
    """
    types: dict[Ref, TensorType] = {Ref("", name): type_ for name, type_ in graph.inputs.items()}
    problems: list[Problem] = []
    for node in graph.order():
        signature, numbers = SIGNATURES[node.kind], Numbers(node.numbers)
        env, found = _bind(graph, node, types)
        problems += found
        for name, type_ in signature.output_types(numbers, env).items():
            types[Ref(node.name, name)] = _with_origins(type_, node, name)
    return replace(graph, types=types, minimums=_minimums(graph, types)), problems


def _bind(graph: Graph, node: Node, types: Mapping[Ref, TensorType]) -> tuple[dict[str, Dim], list[Problem]]:
    numbers = Numbers(node.numbers)
    env = numbers.constants()
    problems: list[Problem] = []
    bound_by: dict[str, str] = {}
    for port in SIGNATURES[node.kind].inputs:
        ref = node.inputs.get(port.name)
        if ref is None:
            continue
        arriving = types[ref]
        if len(arriving.dims) != len(port.dims):
            problems.append(_rank(node, port, ref, arriving))
            continue
        for index, rule in enumerate(port.dims):
            actual = arriving.dims[index]
            if isinstance(rule, str) and rule not in env:
                env[rule] = actual
                bound_by[rule] = port.name
                continue
            expected = resolve(rule, numbers, env)
            proof = compare(expected, actual)
            if proof is not Proof.EQUAL:
                problems.append(_mismatch(node, port, ref, index, expected, arriving, proof))
    return env, problems


def _mismatch(
    node: Node, port: Port, ref: Ref, index: int, expected: Dim, arriving: TensorType, proof: Proof
) -> Problem:
    rule = port.dims[index]
    wanted = node.numbers[rule].origin if isinstance(rule, str) and rule in node.numbers else None
    came = arriving.origins[index] if index < len(arriving.origins) else None
    actual = arriving.dims[index]
    places = [
        (wanted, f"`{node.name}` expects {expected}"),
        (came, f"`{ref}` gives {actual}"),
    ]
    at = tuple((address, label) for address, label in places if address)
    if not at:
        at = ((f"graph.nodes.{node.name}.inputs.{port.name}", f"{actual} arrives, {expected} is expected"),)
    if proof is Proof.UNKNOWN:
        return Problem(
            "XL307",
            f"cannot tell whether `{ref}` ({actual}) equals what `{node.name}` expects "
            f"as `{port.name}` ({expected})",
            at,
            help="declare the size under `dims:`",
        )
    if port.code == "XL301":
        message = "cross-attention source width does not match the encoder output"
    else:
        message = (
            f"`{node.name}` expects {expected} as dimension {index} of `{port.name}`, "
            f"and `{ref}` gives {actual}"
        )
    example = ", ".join(f"{name}={value}" for name, value in (proof.witness or {}).items())
    return Problem(
        port.code,
        message,
        at,
        info=(f"they differ, for example, at {example}",) if example else (),
        help=f"make both {expected} or both {actual}",
    )


def _rank(node: Node, port: Port, ref: Ref, arriving: TensorType) -> Problem:
    return Problem(
        "XL305",
        f"`{node.name}` takes {len(port.dims)} dimensions as `{port.name}`, "
        f"and `{ref}` has {len(arriving.dims)}",
        ((f"graph.nodes.{node.name}.inputs.{port.name}", str(arriving)),),
    )


def _with_origins(type_: TensorType, node: Node, name: str) -> TensorType:
    port = next(port for port in SIGNATURES[node.kind].outputs if port.name == name)
    origins = tuple(
        node.numbers[rule].origin if isinstance(rule, str) and rule in node.numbers else None
        for rule in port.dims
    )
    return replace(type_, origins=origins)


def _minimums(graph: Graph, types: Mapping[Ref, TensorType]) -> dict[str, int]:
    """Smallest value of every free input dimension at which no port inside is empty."""
    free = {name for type_ in graph.inputs.values() for dim in type_.dims for name in dim.names()}
    minimums = dict.fromkeys(sorted(free), 1)
    for type_ in types.values():
        for dim in type_.dims:
            for name in dim.names() & free:
                if str(dim) != name:
                    minimums[name] = max(minimums[name], minimum_input(dim, name))
    return minimums
