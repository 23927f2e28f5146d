"""Pass 7: strides that leave nothing of a short input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

from specs.dims import Dim, minimum_input
from specs.graph import Graph, Node
from specs.problems import Problem
from specs.signatures import SIGNATURES, Numbers
from specs.signatures.base import Env
from specs.values import Value

_STATES = "states"


class _Read(Numbers):
    """Hyper-parameters that remember which were asked for."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__({})
        self._all = values
        self.asked: dict[str, Value] = {}

    def __getattr__(self, name: str) -> Value:
        value = self.asked[name] = self._all[name]
        return value


def short_inputs(graph: Graph) -> Iterator[Problem]:
    """XL310 for every node that makes hidden states fewer, and none of some: a warning.

    `graph` has its smallest inputs. What turns an input into the first hidden states always needs some of it.
    """
    for node in graph.order():
        least, read = _least(node)
        if least <= 1:
            continue
        inputs = [
            f"{name} of fewer than {graph.minimums[size]} {size}"
            for name, type_ in graph.inputs.items()
            for size in (str(dim) for dim in type_.dims)
            if type_.role != "mask" and graph.minimums.get(size, 1) > 1
        ]
        yield Problem(
            "XL310",
            f"of fewer than {least} hidden states `{node.name}` leaves nothing",
            tuple((value.origin, f"`{name}` {value.value}") for name, value in read.items() if value.origin),
            (f"{' or '.join(inputs)} are refused when the model runs",) if inputs else (),
            "use a kernel, a stride or a number of layers that is smaller",
            "warning",
        )


def _least(node: Node) -> tuple[int, dict[str, Value]]:
    """How many hidden states a node needs to give one, and the numbers that settle it."""
    rule = _of_states(node.kind)
    if rule is None:
        return 1, {}
    length, env = rule
    numbers = _Read(node.numbers)
    left = length(numbers, env)
    return (minimum_input(left, _STATES) if left.names() == {_STATES} else 1), numbers.asked


@cache
def _of_states(kind: str) -> tuple[Callable[[Numbers, Env], Dim], Env] | None:
    """How many hidden states a kind of block gives, and sizes to ask that of; None where no rule says it."""
    signature = SIGNATURES[kind]
    length = next((port.dims[1] for port in signature.outputs if port.role == "hidden"), None)
    given = signature.input("hidden") if callable(length) else None
    if given is None or not callable(length) or not isinstance(given.dims[1], str):
        return None
    return length, {name: Dim.name(name) for name in signature.names} | {given.dims[1]: Dim.name(_STATES)}
