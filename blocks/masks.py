"""Additive attention masks: zero where attention may look, the dtype's minimum elsewhere."""

import torch
from torch import Tensor, nn


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


def zeroed(hidden: Tensor, mask: Tensor | None) -> Tensor:
    """hidden [B, S, D] with zeros wherever mask [B, S] has them."""
    return hidden if mask is None else hidden.masked_fill(mask.unsqueeze(-1) == 0, 0.0)


class ZeroPadding(nn.Module):
    """Padding set to zero, for what is about to read across positions."""

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> [B, S, D]."""
        return zeroed(hidden, mask)
