"""Dims against plain integer arithmetic."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.dims import Dim, Proof, compare
from tests.dims.strategies import NAMES, RANGES, Tree, assignments, trees

FRAMES = Dim.name("frames")
BATCH = Dim.name("batch")


@given(trees(*RANGES))
def test_the_normal_form_has_the_value_of_the_expression(tree: Tree) -> None:
    dim = tree.build(NAMES)
    for values in assignments(*RANGES):
        assert dim.evaluate(values) == tree.evaluate(values)


@given(trees(*RANGES))
def test_every_value_lies_within_the_bounds(tree: Tree) -> None:
    dim = tree.build(NAMES)
    low, high = dim.bounds()
    assert all(low <= dim.evaluate(values) <= high for values in assignments(*RANGES))


@given(trees(*RANGES))
def test_the_source_is_python_for_the_same_dim(tree: Tree) -> None:
    dim = tree.build(NAMES)
    rebuilt = eval(dim.source(), {}, dict(NAMES))
    assert rebuilt == dim
    assert hash(Dim.of(rebuilt)) == hash(dim)
    for values in assignments(*RANGES):
        assert eval(str(dim), {}, values) == tree.evaluate(values)


STEPS = st.lists(st.tuples(st.integers(1, 6), st.integers(-9, 9)), max_size=5)


def divide(start: Dim, steps: list[tuple[int, int]]) -> tuple[Dim, Dim]:
    """((x + a) // s + b) // t and (x + a + b*s) // (s*t)."""
    chain, inside, divisor = start, start, 1
    for stride, shift in steps:
        chain = (chain + shift) // stride
        inside = inside + shift * divisor
        divisor *= stride
    return chain, inside // divisor


@given(st.integers(-9, 9), st.integers(-9, 9), STEPS)
def test_a_chain_of_divisions_of_a_length_is_one_division(
    a: int, b: int, steps: list[tuple[int, int]]
) -> None:
    chain, single = divide(a * FRAMES + b * BATCH, steps)
    assert chain == single


@given(trees("frames", leaves=3), STEPS)
def test_a_chain_of_divisions_of_anything_is_proved_to_be_one(
    tree: Tree, steps: list[tuple[int, int]]
) -> None:
    assert compare(*divide(tree.build(NAMES), steps)) is Proof.EQUAL


@given(trees(*RANGES), trees(*RANGES), st.integers(1, 7))
def test_multiples_of_the_divisor_leave_the_division(whole: Tree, rest: Tree, divisor: int) -> None:
    x, r = whole.build(NAMES), rest.build(NAMES)
    assert (x * divisor + r) // divisor == x + r // divisor


@given(trees(*RANGES), trees(*RANGES), trees(*RANGES))
def test_sums_and_products_do_not_depend_on_order(a: Tree, b: Tree, c: Tree) -> None:
    x, y, z = a.build(NAMES), b.build(NAMES), c.build(NAMES)
    assert x + y + z == z + (y + x)
    assert x * (y + z) == z * x + y * x
    assert x - x == 0


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (FRAMES, "frames"),
        (Dim.constant(0), "0"),
        (3 - FRAMES, "3 - frames"),
        (-FRAMES, "-frames"),
        (2 * FRAMES - 1, "2 * frames - 1"),
        (BATCH * FRAMES, "batch * frames"),
        ((FRAMES + 3) // 4, "(frames + 3) // 4"),
        (FRAMES // 2 + 1, "frames // 2 + 1"),
        (-(FRAMES // 2), "-(frames // 2)"),
        (FRAMES // 2 * 3, "3 * (frames // 2)"),
        (BATCH * (FRAMES // 2), "batch * (frames // 2)"),
        ((2 * FRAMES) // 3, "(2 * frames) // 3"),
        (FRAMES * 4 // 6, "(2 * frames) // 3"),
        (FRAMES - 2 * (FRAMES // 2), "frames - 2 * (frames // 2)"),
    ],
)
def test_the_text_reads_as_a_person_would_write_it(dim: Dim, text: str) -> None:
    assert str(dim) == text


def test_names_can_be_replaced_by_expressions() -> None:
    dim = (FRAMES + 3) // 4 * BATCH
    assert dim.source({"frames": "x.shape[1]", "batch": "a + b"}) == "(a + b) * ((x.shape[1] + 3) // 4)"


def test_a_constant_is_its_integer() -> None:
    five = Dim.constant(2) + FRAMES + 3 - FRAMES
    assert five == 5
    assert {5: "five"}[five] == "five"  # type: ignore[index]
    assert five.value == 5
    assert FRAMES.value is None
    assert five.names() == frozenset()


def test_bounds_of_an_unbounded_name() -> None:
    assert (FRAMES + 3).bounds() == (4, math.inf)
    assert (3 - FRAMES).bounds() == (-math.inf, 2)
    assert ((FRAMES + 3) // 4).bounds() == (1, math.inf)
    assert (0 * FRAMES).bounds() == (0, 0)
    assert (-(Dim.name("all", 0) * Dim.name("few", 0, 5))).bounds() == (-math.inf, 0)


def test_a_dim_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        FRAMES.terms = ()  # type: ignore[misc]


def test_a_missing_value_is_named() -> None:
    with pytest.raises(ValueError, match="no value for frames in batch \\* frames"):
        (BATCH * FRAMES).evaluate({"batch": 2})


@pytest.mark.parametrize("divisor", [0, -2])
def test_only_positive_integers_divide(divisor: int) -> None:
    with pytest.raises(ValueError, match="positive integer"):
        FRAMES // divisor


@pytest.mark.parametrize("name", ["", "2x", "a-b", "lambda", "__import__('os')"])
def test_a_name_is_an_identifier(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        Dim.name(name)


def test_a_name_has_one_range() -> None:
    with pytest.raises(ValueError, match="frames is declared with two ranges"):
        FRAMES // 2 + Dim.name("frames", 5)
    with pytest.raises(ValueError, match="empty"):
        Dim.name("frames", 5, 4)
