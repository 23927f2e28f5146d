"""The sizes of inputs that a program is exported with: chosen from a graph, not those of any inputs.

Torch takes what holds for the sizes it sees for what always holds: that a size is 1, that two are equal, that
one divides another. So sizes are large, and as many as can be are different primes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from math import isqrt
from typing import NamedTuple

from specs.dims import Dim, minimum_input
from specs.graph import Graph

Sizes = Mapping[str, int]
"""By the names of open sizes."""

ROWS = 3
"""At least so many: few, so that torch also looks behind the batch for work for its threads."""
POSITIONS = 61
"""At least so many, or half of those there are: as many as make it worth while to use threads."""
_TRIED = 1000
"""Sizes among which the best is taken."""


class CanonicalSizes(NamedTuple):
    """Sizes to export with, and smaller ones, in which each size that follows from them is another."""

    sizes: Sizes
    others: Sizes


def canonical_sizes(graph: Graph, inputs: Sequence[str], positions: int | None) -> CanonicalSizes:
    """Those of the open sizes of these inputs, of which the first is what is encoded.

    `positions` are the most that the graph takes; None where it takes any number.

    Raises ValueError where a size that follows does not grow with them.
    """
    names = {name for one in inputs for dim in graph.inputs[one].dims for name in dim.names()}
    seen = graph.reachable_from(inputs[0])  # its mask may be another encoder's too
    types = [type_ for ref, type_ in graph.types.items() if ref.node in seen]
    types += [graph.inputs[one] for one in inputs]
    dims = {dim for type_ in types for dim in type_.dims if dim.ranges}
    sizes: dict[str, int] = {}
    others: dict[str, int] = {}
    for name in sorted(names):
        known = [dim for dim in dims if dim.names() <= {*sizes, name}]
        following = [dim for dim in known if name in dim.names()]
        sizes[name] = _best(name, sizes, known, following, positions)
        others[name] = _smaller(name, sizes, following)
    return CanonicalSizes(sizes, others)


def _best(name: str, sizes: Sizes, known: list[Dim], following: list[Dim], positions: int | None) -> int:
    """The first size with which most of all that is known differs, and most of it is prime."""
    most = None if name == "batch" else positions
    wanted = ROWS if name == "batch" else POSITIONS
    least = wanted if most is None else min(wanted, max(most // 2, ROWS))
    first = max(minimum_input(dim, name, least) for dim in following)

    def values(dims: list[Dim], size: int) -> list[int]:
        return [dim.at({**sizes, name: size}) for dim in dims]

    def is_allowed(size: int) -> bool:
        return most is None or min(values(following, size)) <= most

    def quality(size: int) -> tuple[int, int]:
        found = values(known, size)
        return len(set(found)), sum(map(_is_prime, found))

    return max(takewhile(is_allowed, range(first, first + _TRIED)), key=quality, default=first)


def _smaller(name: str, sizes: Sizes, dims: list[Dim]) -> int:
    """The next size below at which each of these that follow from it is another."""
    for size in range(sizes[name] - 1, 0, -1):
        if all(dim.at({**sizes, name: size}) != dim.at(sizes) for dim in dims):
            return size
    raise ValueError(f"no other {name} gives sizes that are all different")


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, isqrt(number) + 1))
