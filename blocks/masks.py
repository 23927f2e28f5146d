"""Additive attention masks: zero where attention may look, the dtype's minimum elsewhere."""

import torch
from torch import Tensor


def additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a boolean (or 0/1) mask into one that is added to attention scores, any shape.

    Where a whole row is blocked the minimum swallows every score, and attention spreads evenly over the
    row, padding too: finite, and without meaning.
    """
    blocked = torch.zeros((), dtype=dtype, device=visible.device)
    minimum = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=visible.device)
    return torch.where(visible.bool(), blocked, minimum)


def first_positions(lengths: Tensor, size: int) -> Tensor:
    """Mask of the first `lengths[b]` of `size` positions: [B] -> [B, size] int64."""
    return (torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)).long()
