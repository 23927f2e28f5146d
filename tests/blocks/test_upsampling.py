"""Repeating positions as often as they are counted, against a loop over positions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from blocks.upsampling import AlignedUpsampling, HardUpsampling


def looped(hidden: Tensor, counts: Tensor) -> Tensor:
    """A row after another, padded with zeros."""
    rows = [torch.repeat_interleave(row, count, dim=0) for row, count in zip(hidden, counts, strict=True)]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def drawn(seed: int) -> tuple[Tensor, Tensor]:
    """Some rows end with positions that are counted no times; others have them in between or first."""
    generator = torch.Generator().manual_seed(seed)
    rows, positions, width = (int(torch.randint(1, 7, (), generator=generator)) for _ in range(3))
    counts = torch.randint(5, (rows, positions), generator=generator)
    counts[0, 0] += 1
    return torch.randn(rows, positions, width, generator=generator), counts


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("more", [None, 0, 7])
def test_every_position_is_repeated_as_often_as_it_is_counted(seed: int, more: int | None) -> None:
    hidden, counts = drawn(seed)
    expected = looped(hidden, counts)
    longest = expected.shape[1]
    upsampled, mask = HardUpsampling()(hidden, counts, None if more is None else longest + more)
    assert upsampled.shape[1] == longest + (more or 0)
    assert torch.equal(upsampled[:, :longest], expected)
    assert not upsampled[:, longest:].any(), "zeros up to the length that is asked for"
    assert mask.dtype == torch.int64
    assert torch.equal(mask.sum(1), counts.sum(1))
    assert torch.equal(mask.sort(1, descending=True).values, mask)


@pytest.mark.parametrize("seed", range(20))
def test_the_length_of_ids_decides_where_there_are_some(seed: int) -> None:
    hidden, counts = drawn(seed)
    expected, mask = HardUpsampling()(hidden, counts, int(counts.sum(1).max()) + 2)
    aligned = AlignedUpsampling()(hidden, counts, torch.zeros(mask.shape, dtype=torch.int64))
    assert torch.equal(aligned[0], expected)
    assert torch.equal(aligned[1], mask)


def test_counts_of_zero_give_one_position_of_padding() -> None:
    upsampled, mask = HardUpsampling()(torch.randn(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64))
    assert torch.equal(upsampled, torch.zeros(2, 1, 4))
    assert torch.equal(mask, torch.zeros(2, 1, dtype=torch.int64))


def test_nothing_is_cut_off_without_a_word() -> None:
    hidden, counts = torch.randn(2, 2, 3), torch.tensor([[1, 1], [2, 3]])
    with pytest.raises(ValueError, match="add up to 5, and there are 4 positions"):
        HardUpsampling()(hidden, counts, 4)
    with pytest.raises(ValueError, match="add up to 5, and there are 4 positions"):
        AlignedUpsampling()(hidden, counts, torch.zeros(2, 4, dtype=torch.int64))


def test_counts_are_one_for_each_position_and_not_negative() -> None:
    with pytest.raises(ValueError, match=r"counts are \[2, 3\] here, not \[2, 4\]"):
        HardUpsampling()(torch.randn(2, 3, 5), torch.ones(2, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match="counted -1 times"):
        HardUpsampling()(torch.randn(1, 2, 5), torch.tensor([[3, -1]]))


def test_a_given_length_leaves_no_break_in_the_graph() -> None:
    compiled = torch.compile(HardUpsampling(), fullgraph=True, backend="eager")
    hidden, counts = drawn(3)
    for ours, expected in zip(
        compiled(hidden, counts, 40), HardUpsampling()(hidden, counts, 40), strict=True
    ):
        assert torch.equal(ours, expected)


def test_gradients_gather_what_was_repeated() -> None:
    hidden, counts = drawn(4)
    hidden.requires_grad_()
    HardUpsampling()(hidden, counts)[0].sum().backward()
    assert hidden.grad is not None
    assert torch.equal(hidden.grad, counts.unsqueeze(-1).expand_as(hidden).float())
