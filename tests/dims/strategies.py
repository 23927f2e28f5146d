"""Random dimension expressions, each with the plain Python arithmetic it stands for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from specs.dims import Dim

RANGES = {"batch": (1, 4), "frames": (0, 9), "tokens": (-3, 6)}
NAMES = {name: Dim.name(name, *limits) for name, limits in RANGES.items()}
UNBOUNDED = {name: Dim.name(name, low) for name, (low, _) in RANGES.items()}


@dataclass(frozen=True)
class Tree:
    """An expression: `evaluate` is brute force, `build` goes through the normal form."""

    text: str
    evaluate: Callable[[Mapping[str, int]], int]
    build: Callable[[Mapping[str, Dim]], Dim]

    def __repr__(self) -> str:
        return self.text


def _name(name: str) -> Tree:
    return Tree(name, lambda values: values[name], lambda dims: dims[name])


def _constant(number: int) -> Tree:
    return Tree(f"({number})", lambda _: number, lambda _: Dim.constant(number))


def _sum(a: Tree, b: Tree) -> Tree:
    return Tree(f"({a} + {b})", lambda v: a.evaluate(v) + b.evaluate(v), lambda d: a.build(d) + b.build(d))


def _difference(a: Tree, b: Tree) -> Tree:
    return Tree(f"({a} - {b})", lambda v: a.evaluate(v) - b.evaluate(v), lambda d: a.build(d) - b.build(d))


def _product(a: Tree, b: Tree) -> Tree:
    return Tree(f"({a} * {b})", lambda v: a.evaluate(v) * b.evaluate(v), lambda d: a.build(d) * b.build(d))


def _quotient(a: Tree, divisor: int) -> Tree:
    return Tree(f"({a} // {divisor})", lambda v: a.evaluate(v) // divisor, lambda d: a.build(d) // divisor)


def _grow(smaller: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.builds(_sum, smaller, smaller),
        st.builds(_difference, smaller, smaller),
        st.builds(_product, smaller, st.integers(-4, 4).map(_constant)),
        st.builds(_product, smaller, smaller),
        st.builds(_quotient, smaller, st.integers(1, 5)),
        st.builds(_quotient, smaller, st.integers(2, 5)),
    )


def trees(*names: str, leaves: int = 6) -> st.SearchStrategy[Tree]:
    """Expression trees over `names`, small integers and all operations."""
    leaf = st.one_of(st.sampled_from(names).map(_name), st.integers(-5, 5).map(_constant))
    return st.recursive(leaf, _grow, max_leaves=leaves)


def assignments(*names: str) -> Iterator[dict[str, int]]:
    """Every assignment of `names` within `RANGES`."""
    limits = [range(RANGES[name][0], RANGES[name][1] + 1) for name in names]
    for point in itertools.product(*limits):
        yield dict(zip(names, point, strict=True))
