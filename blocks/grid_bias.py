"""Attention over a grid of cells behind a leading state (Bao et al. 2022, "BEiT")."""

import torch
from torch import Tensor, nn

from blocks.windows import relative_positions


class GridPositionBias(nn.Module):
    """What a head adds to the score of two states, learned for every offset between two cells of the grid.

    The last three rows are for the leading state attending to a cell, a cell to it, and it to itself.
    """

    def __init__(self, rows: int, columns: int, heads: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty((2 * rows - 1) * (2 * columns - 1) + 3, heads))
        self.index: Tensor
        self.register_buffer(
            "index",
            torch.empty(rows * columns + 1, rows * columns + 1, dtype=torch.int64),
            persistent=False,
        )
        self.rows = rows
        self.columns = columns
        self.reset_buffers()

    def reset_buffers(self) -> None:
        """Number the offsets, on the device where the numbers live."""
        offsets = (2 * self.rows - 1) * (2 * self.columns - 1)
        index = torch.empty(self.index.shape, dtype=torch.int64)
        index[1:, 1:] = relative_positions(self.rows, self.columns)
        index[0, :], index[:, 0], index[0, 0] = offsets, offsets + 1, offsets + 2
        self.index = index.to(self.index.device)

    def forward(self) -> Tensor:
        """[1, H, S, S]."""
        return self.table[self.index].permute(2, 0, 1).unsqueeze(0)


class SummedBias(nn.Module):
    """A layer's own bias and the one that all layers share."""

    def __init__(self, own: nn.Module, shared: nn.Module) -> None:
        super().__init__()
        self.own = own
        self.shared = shared

    def forward(self) -> Tensor:
        """[1, H, S, S]."""
        return self.own() + self.shared()


class BiasedAttention(nn.Module):
    """Attention of a sequence over itself, its scores biased by where states lie."""

    def __init__(self, attention: nn.Module, position_bias: nn.Module) -> None:
        super().__init__()
        self.attention = attention
        self.position_bias = position_bias

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D] -> [B, S, D]; a grid has no padding to mask."""
        return self.attention(hidden, self.position_bias())


class ScaledBranch(nn.Module):
    """What a sub-layer gives, each channel times a learned factor (Touvron et al. 2021, "LayerScale")."""

    def __init__(self, width: int, branch: nn.Module) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(width))
        self.branch = branch

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, S, D], unchanged in shape."""
        return self.branch(hidden) * self.scale
