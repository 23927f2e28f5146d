"""Proofs against enumeration, and minimum inputs against search."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.dims import Dim, Proof, compare, convolution_length, minimum_input
from tests.dims.strategies import NAMES, RANGES, UNBOUNDED, Tree, assignments, trees

FRAMES = Dim.name("frames")


@given(trees(*RANGES), trees(*RANGES))
def test_bounded_dims_compare_as_enumeration_does(left: Tree, right: Tree) -> None:
    proof = compare(left.build(NAMES), right.build(NAMES))
    equal = all(left.evaluate(values) == right.evaluate(values) for values in assignments(*RANGES))
    assert (proof is Proof.EQUAL) == equal


@given(trees("frames", "tokens"), trees("frames", "tokens"))
def test_a_proof_over_unbounded_names_is_sound(left: Tree, right: Tree) -> None:
    a, b = left.build(UNBOUNDED), right.build(UNBOUNDED)
    proof = compare(a, b)
    if proof is Proof.EQUAL:
        for frames in (*range(40), 99991):
            for tokens in (*range(-3, 40), 99989):
                values = {"frames": frames, "tokens": tokens}
                assert left.evaluate(values) == right.evaluate(values)
    elif proof is not Proof.UNKNOWN:
        assert proof.witness is not None
        assert all(proof.witness[name] >= RANGES[name][0] for name in proof.witness)
        assert a.evaluate(proof.witness) != b.evaluate(proof.witness)


@given(trees("frames", leaves=4), st.integers(2, 6), st.integers(0, 30))
def test_equalities_beyond_the_normal_form_are_proved(tree: Tree, divisor: int, shift: int) -> None:
    """Hermite's identity: floor(x/n) + floor((x+1)/n) + ... + floor((x+n-1)/n) = x."""
    x = tree.build(UNBOUNDED) + shift
    parts = sum(((x + i) // divisor for i in range(divisor)), Dim.constant(0))
    assert compare(parts, x) is Proof.EQUAL


def test_one_rare_difference_is_found() -> None:
    assert compare((FRAMES + 319) // 320, (FRAMES + 318) // 320).witness == {"frames": 1}
    assert compare((FRAMES + 1) // 320, FRAMES // 320).witness == {"frames": 319}


def test_two_rare_conditions_meet_late() -> None:
    """One factor is 1 only at 4 mod 5, the other only at 6 mod 7."""
    fifth = (FRAMES + 1) // 5 - FRAMES // 5
    seventh = (FRAMES + 1) // 7 - FRAMES // 7
    assert compare(fifth * seventh, 0).witness == {"frames": 34}
    assert compare(2 * (FRAMES // 5) // 3, 0).witness == {"frames": 10}
    assert compare((FRAMES // 5 * FRAMES) // 7 * 7, FRAMES // 5 * FRAMES).witness == {"frames": 5}


def test_the_range_decides() -> None:
    assert compare(Dim.name("few", 1, 3) // 4, 0) is Proof.EQUAL
    assert compare(Dim.name("few", 1, 4) // 4, 0).witness == {"few": 4}
    assert compare(Dim.name("bins", 80, 80), 80) is Proof.EQUAL


def test_a_witness_names_what_cancelled() -> None:
    witness = compare(Dim.name("batch") + 1, Dim.name("batch") + 2).witness
    assert witness == {"batch": 1}


def test_too_many_assignments_are_unknown_not_equal() -> None:
    """x*y against itself by halves is equal, but no few thousand assignments show it."""
    x, y = Dim.name("x") * 1, Dim.name("y")
    product = (x * y + 60) // 61
    halves = (product + 1) // 2 + (x * y + 60) // 122
    assert compare(halves, product) is Proof.UNKNOWN
    far = Dim.name("y", 1, 10**9)
    assert compare(halves + y // 10**6, product) is Proof.UNKNOWN
    assert compare(far // 10**6, 0) is Proof.UNKNOWN


@pytest.mark.parametrize(("frames", "once", "twice"), [(98, 49, 25), (37, 19, 10)])
def test_two_subsampling_convolutions(frames: int, once: int, twice: int) -> None:
    first = convolution_length(FRAMES, kernel=5, stride=2, padding=2)
    second = convolution_length(first, kernel=5, stride=2, padding=2)
    assert first.evaluate({"frames": frames}) == once
    assert second.evaluate({"frames": frames}) == twice
    assert str(second) == "(frames + 3) // 4"


def wav2vec2_frames() -> Dim:
    length = Dim.name("samples")
    for kernel, stride in [(10, 5), *[(3, 2)] * 4, *[(2, 2)] * 2]:
        length = convolution_length(length, kernel, stride)
    return length


def test_a_stack_of_seven_convolutions() -> None:
    frames = wav2vec2_frames()
    assert str(frames) == "(samples + 240) // 320 - 1"
    assert frames.evaluate({"samples": 16000}) == 49
    assert frames.evaluate({"samples": 400}) == 1
    assert minimum_input(frames, "samples") == 400
    assert minimum_input(frames, "samples", at_least=49) == 15760


def test_adapters_shorten_further() -> None:
    length, lengths = wav2vec2_frames(), []
    for _ in range(3):
        length = convolution_length(length, kernel=3, stride=2, padding=1)
        lengths.append(length.evaluate({"samples": 16000}))
    assert lengths == [25, 13, 7]


@given(st.integers(0, 60), st.integers(1, 6), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
def test_the_length_counts_window_positions(
    length: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    padded, reach = length + 2 * padding, dilation * (kernel - 1) + 1
    positions = [start for start in range(0, padded, stride) if start + reach <= padded]
    if padded >= reach:
        assert convolution_length(length, kernel, stride, padding, dilation) == len(positions)


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2)), max_size=4),
    st.integers(-2, 9),
)
def test_the_minimum_input_is_where_the_output_arrives(
    convolutions: list[tuple[int, int, int]], at_least: int
) -> None:
    length: Dim = FRAMES
    for kernel, stride, padding in convolutions:
        length = convolution_length(length, kernel, stride, padding)
    least = minimum_input(length, "frames", at_least)
    assert all(length.evaluate({"frames": n}) >= at_least for n in range(least, least + 50))
    assert least == 1 or length.evaluate({"frames": least - 1}) < at_least


def test_the_minimum_of_a_side_is_that_of_the_other_side_aside() -> None:
    patches = (Dim.name("height") // 4) * (Dim.name("width") // 6)
    assert [minimum_input(patches, side) for side in ("height", "width")] == [4, 6]


def test_a_minimum_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not depend on tokens"):
        minimum_input(FRAMES, "tokens")
    with pytest.raises(ValueError, match="not known to grow"):
        minimum_input(3 - FRAMES, "frames")
    with pytest.raises(ValueError, match="not known to grow"):
        minimum_input(Dim.name("shift", -3) * FRAMES, "frames")
    with pytest.raises(ValueError, match="below 1 for every frames"):
        minimum_input(FRAMES * Dim.name("none", 0), "frames")
    for limit in (9, 10):
        with pytest.raises(ValueError, match=f"below 3 for every few up to {limit}"):
            minimum_input(Dim.name("few", 1, limit) // 4, "few", at_least=3)


def test_the_largest_value_of_the_range_may_be_the_minimum() -> None:
    assert minimum_input(Dim.name("few", 1, 8) // 4, "few", at_least=2) == 8


def test_a_name_may_begin_below_zero() -> None:
    assert minimum_input(Dim.name("shift", -3) // 2, "shift") == 2


def test_other_names_are_held_at_their_minimum() -> None:
    assert minimum_input(FRAMES // 2 * Dim.name("batch", 3), "frames", at_least=6) == 4
