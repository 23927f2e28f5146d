"""Sizes that a program is exported with: of which nothing holds that does not hold of others."""

from __future__ import annotations

import pytest

from compiler.compilation.canonical_sizes import POSITIONS, ROWS, canonical_sizes
from specs.dims import Dim
from specs.graph import Block, Graph, Node, Ref, TensorType
from tests.pairs.test_cells import analysed
from tests.pairs.tiny import ENCODERS, tiny

BATCH, FRAMES = Dim.name("batch"), Dim.name("frames")


def graph_of(*following: Dim, read: str = "x") -> Graph:
    """A graph that takes [batch, frames] twice with one mask; other sizes follow from what is read."""
    type_ = TensorType("features", (BATCH, FRAMES))
    types = {Ref("", "x"): type_, Ref("", "y"): type_, Ref("n", "states"): TensorType("hidden", following)}
    node = Node("n", "kind", {}, {"input": Ref("", read), "mask": Ref("", "mask")}, Block("Any"))
    return Graph("g", dict.fromkeys(("x", "y", "mask"), type_), {"n": node}, {}, types=types)


def divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_sizes_of_every_encoder_are_different_primes(encoder: str) -> None:
    spec, graph = analysed(tiny(encoder, "gpt2")).sound()
    sizes, others = canonical_sizes(graph, graph.encode_inputs, spec.maximum_source)
    dims = {dim for type_ in graph.types.values() for dim in type_.dims if dim.names() <= sizes.keys()}
    found = {dim: dim.evaluate(sizes) for dim in dims if dim.value is None}
    assert len(set(found.values())) == len(found)
    assert all(divisors(size) == [1, size] for size in found.values())
    for dim, size in found.items():
        assert 1 < dim.evaluate(others) < size


@pytest.mark.parametrize(("positions", "frames"), [(None, 61), (5000, 61), (122, 61), (100, 53), (20, 11)])
def test_positions_are_many_or_half_of_all(positions: int | None, frames: int) -> None:
    sizes, _ = canonical_sizes(graph_of(), ["x"], positions)
    assert sizes == {"batch": ROWS, "frames": frames}


@pytest.mark.parametrize("positions", [4, 5, 6])
def test_few_positions_are_not_exceeded(positions: int) -> None:
    sizes, others = canonical_sizes(graph_of(), ["x"], positions)
    assert ROWS < sizes["frames"] <= positions
    assert others["frames"] > 1


def test_sizes_that_follow_are_as_large() -> None:
    quarter = (FRAMES + 3) // 4
    sizes, others = canonical_sizes(graph_of(quarter), ["x"], None)
    assert quarter.evaluate(sizes) >= POSITIONS
    assert quarter.evaluate(others) == quarter.evaluate(sizes) - 1


def test_sizes_that_follow_differ_though_none_can_be_prime() -> None:
    sizes, _ = canonical_sizes(graph_of(FRAMES * 2, FRAMES * 4), ["x"], None)
    assert sizes["frames"] == POSITIONS


def test_what_follows_from_other_inputs_of_such_sizes_is_left_out() -> None:
    sizes, _ = canonical_sizes(graph_of(FRAMES // 8, read="y"), ["x", "mask"], 20)
    assert sizes["frames"] == 11


def test_a_size_that_shrinks_is_refused() -> None:
    with pytest.raises(ValueError, match="not known to grow"):
        canonical_sizes(graph_of(Dim.of(9) - FRAMES), ["x"], None)
