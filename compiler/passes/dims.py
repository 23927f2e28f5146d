"""Pass 6: symbolic dimensions through the graph; numbers that do not fit, widths that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from specs.dims import Dim, Proof, compare, minimum_input
from specs.graph import Graph, Node, Ref, TensorType
from specs.problems import Problem
from specs.signatures import SIGNATURES, Numbers, Port, resolve
from specs.signatures.base import LENGTH, DimRule, Signature, no_violations

UNKNOWN = Dim.name("_unknown")
"""The size of what was reported: equal to anything, so that nothing is said twice."""


def number_problems(graph: Graph) -> list[Problem]:
    """Hyper-parameters that break a rule of their signature."""
    problems: list[Problem] = []
    for node in graph.order():
        violations = SIGNATURES[node.kind].violations
        if violations is not no_violations:
            numbers = Numbers(node.numbers)
            problems += numbers.problems(violations(numbers))
    return problems


def infer(graph: Graph) -> tuple[Graph, list[Problem]]:
    """The graph with the type of every port and the minimum input lengths, and what does not fit.

    A node whose inputs do not fit keeps its declared outputs, so that one mistake is one finding. What
    depends on an input that was taken out is `UNKNOWN`.
    """
    types: dict[Ref, TensorType] = {Ref("", name): type_ for name, type_ in graph.inputs.items()}
    problems: list[Problem] = []
    for node in graph.order():
        signature, numbers = SIGNATURES[node.kind], Numbers(node.numbers)
        binding = _Binding(node, signature, numbers)
        for port in signature.inputs:
            ref = node.inputs.get(port.name)
            if ref is not None:
                problems += binding.bind(port, ref, types[ref])
        if signature.takes_length:
            binding.sizes[LENGTH] = _new_size(node, types)
        for port in signature.outputs:
            types[Ref(node.name, port.name)] = TensorType(
                port.role,
                tuple([resolve(rule, numbers, binding.sizes) for rule in port.dims]),
                port.dtype,
                tuple([binding.origin(rule) for rule in port.dims]),
            )
    return replace(graph, types=types, minimums=_minimums(graph, types)), problems


def _new_size(node: Node, types: Mapping[Ref, TensorType]) -> Dim:
    """The length that a node gives its outputs, called by its address: equal to no other."""
    name = node.name.replace(".", "_")
    taken = {name for type_ in types.values() for dim in type_.dims for name in dim.names()}
    while name in taken:
        name += "_"
    return Dim.name(name)


class _Binding:
    """The sizes a node's names stand for, and the address that settled each."""

    def __init__(self, node: Node, signature: Signature, numbers: Numbers) -> None:
        self._node = node
        self._numbers = numbers
        self._arrived: dict[str, str | None] = {}
        self.sizes = dict.fromkeys(signature.names, UNKNOWN) | numbers.constants()

    def origin(self, rule: DimRule) -> str | None:
        """The address that settled the size of a name; None for other rules."""
        if not isinstance(rule, str):
            return None
        if rule in self._arrived:
            return self._arrived[rule]
        number = self._node.numbers.get(rule)
        return None if number is None else number.origin

    def bind(self, port: Port, ref: Ref, arriving: TensorType) -> list[Problem]:
        """Give the port's new names what arrives, and compare the others with it."""
        if len(arriving.dims) != len(port.dims):
            return [_rank(self._node, port, ref, arriving)]
        problems = []
        for index, (rule, actual) in enumerate(zip(port.dims, arriving.dims, strict=True)):
            expected = resolve(rule, self._numbers, self.sizes)
            origin = arriving.origins[index] if index < len(arriving.origins) else None
            if expected is UNKNOWN and isinstance(rule, str):
                self.sizes[rule] = actual
                self._arrived[rule] = origin
                continue
            if expected is actual or expected == actual:
                continue
            if UNKNOWN.names() & (expected.names() | actual.names()):
                continue
            proof = compare(expected, actual)
            if proof is not Proof.EQUAL:
                came, wanted = (actual, origin), (expected, self.origin(rule))
                problems.append(_mismatch(self._node, port, ref, index, wanted, came, proof))
        return problems


def _mismatch(
    node: Node,
    port: Port,
    ref: Ref,
    index: int,
    wanted: tuple[Dim, str | None],
    came: tuple[Dim, str | None],
    proof: Proof,
) -> Problem:
    """XL305 or XL301; `wanted` and `came` are sizes with the addresses that settled them."""
    expected, actual = wanted[0], came[0]
    places = [
        (wanted[1], f"`{node.name}` expects {expected}"),
        (came[1], f"`{ref}` gives {actual}"),
    ]
    at = tuple((address, label) for address, label in places if address)
    at = at or ((f"{node.origin}.inputs.{port.name}", f"{actual} arrives, {expected} is expected"),)
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
        help=f"make both {expected} or both {actual}"
        + (
            "; between an encoder and a decoder, `bridge: auto` inserts a projection"
            if port.code == "XL301"
            else ""
        ),
    )


def _rank(node: Node, port: Port, ref: Ref, arriving: TensorType) -> Problem:
    at: tuple[tuple[str, str], ...] = ((f"{node.origin}.inputs.{port.name}", f"{arriving} arrives"),)
    if not ref.node:
        graph = str(node.origin).partition(".nodes.")[0]
        at = ((f"{graph}.inputs.{ref.port}.dims", f"{len(arriving.dims)} dimensions"), *at)
    return Problem(
        "XL305",
        f"`{node.name}` takes {len(port.dims)} dimensions as `{port.name}`, "
        f"and `{ref}` has {len(arriving.dims)}",
        at,
        help=f"give it {len(port.dims)} dimensions",
    )


def _minimums(graph: Graph, types: Mapping[Ref, TensorType]) -> dict[str, int]:
    """Smallest value of every free input dimension at which no port inside is empty."""
    free = {name for type_ in graph.inputs.values() for dim in type_.dims for name in dim.names()}
    minimums = dict.fromkeys(sorted(free), 1)
    for dim in {dim for type_ in types.values() for dim in type_.dims if dim.ranges}:
        for name in dim.names() & free:
            minimums[name] = max(minimums[name], _minimum(dim, name))
    return minimums


@lru_cache(maxsize=1024)
def _minimum(dim: Dim, name: str) -> int:
    """Smallest value of a name at which a dimension is not empty: one, where it is the dimension itself."""
    return 1 if str(dim) == name else minimum_input(dim, name)
