"""Which sizes an exported program serves: what torch found out, noted, read again, and asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, export

from compiler.compilation.open_sizes import OpenSizes

SIZES = OpenSizes(
    shapes=(("rows", "length", 3), ("rows", "length")),
    ranges={"rows": (2, None), "length": (2, 20)},
)

SERVED = {
    "as exported": ((2, 7, 3), (2, 7)),
    "a batch of 1": ((1, 7, 3), (1, 7)),
    "many rows": ((500, 7, 3), (500, 7)),
    "the least": ((2, 2, 3), (2, 2)),
    "the greatest": ((2, 20, 3), (2, 20)),
}

NOT_SERVED = {
    "a length of 1": ((2, 1, 3), (2, 1)),
    "too long": ((2, 21, 3), (2, 21)),
    "no rows": ((0, 7, 3), (0, 7)),
    "another width": ((2, 7, 4), (2, 7)),
    "lengths that differ": ((2, 7, 3), (2, 8)),
    "batches that differ": ((2, 7, 3), (3, 7)),
    "a batch of 1 beside another": ((2, 7, 3), (1, 7)),
    "a dimension too few": ((2, 7), (2, 7)),
    "a dimension too many": ((2, 7, 3), (2, 7, 1)),
}


class Embedding(nn.Module):
    """States and ids with places, of which there are 20."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.zeros(20, 3))

    def forward(self, states: Tensor, ids: Tensor) -> Tensor:
        """states [B, T, 3], ids [B, T] -> [B, T, 3]."""
        return states + ids[:, :, None] + self.places.narrow(0, 0, ids.shape[1])


class Repeated(nn.Module):
    """Numbers added to others twice, and to the first once more."""

    def forward(self, long: Tensor, short: Tensor) -> Tensor:
        """long [2 T + 1], short [T] -> [2 T + 1]."""
        return long + torch.cat((short, short, short[:1]))


class Pairs(nn.Module):
    """One more where there are four pairs."""

    def forward(self, states: Tensor) -> Tensor:
        """states [B, T] -> [B, T]."""
        return states + 1 if states.shape[1] // 2 == 4 else states


class Unlike(nn.Module):
    """One more where others are not twice as many."""

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """first [S], second [T] -> [S]."""
        return first if second.shape[0] // 2 == first.shape[0] else first + 1


def program(module: nn.Module, *inputs: Tensor) -> Any:
    """Exported with every size open that can be."""
    free = tuple(dict.fromkeys(range(one.dim()), Dim.AUTO) for one in inputs)
    return export(module.eval(), inputs, dynamic_shapes=free, strict=False)


@pytest.fixture(scope="module")
def found() -> OpenSizes:
    return OpenSizes.of(program(Embedding(), torch.randn(2, 7, 3), torch.ones(2, 7, dtype=torch.int64)))


def serves(sizes: OpenSizes, shapes: tuple[tuple[int, ...], ...]) -> bool:
    return sizes.serve(torch.empty(shape, device="meta") for shape in shapes)


@pytest.mark.parametrize("which", SERVED)
def test_sizes_within_the_ranges_are_served(which: str, found: OpenSizes) -> None:
    assert serves(SIZES, SERVED[which])
    assert serves(found, SERVED[which])


@pytest.mark.parametrize("which", NOT_SERVED)
def test_others_are_not(which: str, found: OpenSizes) -> None:
    assert not serves(SIZES, NOT_SERVED[which])
    assert not serves(found, NOT_SERVED[which])


def test_a_batch_of_one_is_served_only_where_two_is_the_least() -> None:
    sizes = OpenSizes((("rows",),), {"rows": (3, None)})
    assert [rows for rows in range(5) if serves(sizes, ((rows,),))] == [3, 4]


def test_a_size_without_a_range_is_not_served() -> None:
    sizes = OpenSizes((("rows", "length"),), {"rows": (2, None)})
    assert not any(serves(sizes, ((1, length),)) for length in range(4))


def test_equal_sizes_have_one_name(found: OpenSizes) -> None:
    (rows, length, width), other = found.shapes
    assert width == 3
    assert other == (rows, length)
    assert rows != length
    assert found.ranges == {rows: (2, None), length: (2, 20)}


def test_a_size_computed_from_another_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a size has to be 2\*"):
        OpenSizes.of(program(Repeated(), torch.randn(15), torch.randn(7)))


@pytest.fixture
def pairs() -> Any:
    """Exported where there are four."""
    return program(Pairs(), torch.randn(3, 9))


def test_what_torch_took_for_true_has_to_be(pairs: Any) -> None:
    sizes = OpenSizes.of(pairs)
    assert sizes.guards == ("(size[0][1] // 2) == 4",)
    assert [length for length in range(20) if serves(sizes, ((2, length),))] == [8, 9]


def test_guards_tell_inputs_apart() -> None:
    sizes = OpenSizes.of(program(Unlike(), torch.randn(5), torch.randn(7)))
    assert serves(sizes, ((5,), (7,)))
    assert serves(sizes, ((12,), (6,)))
    assert not serves(sizes, ((6,), (12,)))


def test_a_guard_that_divides_by_nothing_does_not_hold() -> None:
    guard = "12 % (size[0][1] - 3) == 0"
    sizes = OpenSizes((("rows", "length"),), {"rows": (2, None), "length": (2, None)}, (guard,))
    assert [length for length in range(8) if serves(sizes, ((2, length),))] == [2, 4, 5, 6, 7]


def test_a_torch_that_does_not_tell_its_guards_serves_nothing(pairs: Any) -> None:
    del pairs._guards_code
    with pytest.raises(ValueError, match="this torch does not tell"):
        OpenSizes.of(pairs)


@pytest.mark.parametrize("guard", ["L['states'].stride()[0] == 1", "L['x'].size()[0] == 1", "cast(1) == 1"])
def test_a_guard_of_anything_but_sizes_is_refused(pairs: Any, guard: str) -> None:
    pairs._guards_code = [guard]
    with pytest.raises(ValueError, match="not only of sizes: "):
        OpenSizes.of(pairs)


def test_notes_give_the_same_sizes(found: OpenSizes, pairs: Any) -> None:
    for sizes in (SIZES, found, OpenSizes.of(pairs)):
        assert OpenSizes.from_notes(json.loads(json.dumps(sizes.notes()))) == sizes


@pytest.mark.parametrize("missing", ["shapes", "ranges", "guards"])
def test_notes_that_lack_something_are_refused(missing: str) -> None:
    notes = SIZES.notes()
    del notes[missing]
    with pytest.raises(ValueError, match="which sizes the package serves"):
        OpenSizes.from_notes(notes)
