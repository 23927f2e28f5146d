"""Attention within windows of a grid (Liu et al. 2021, "Swin Transformer").

A grid of cells comes as a sequence, row after row. Letters: B images, S cells of the grid, D width, N windows
of an image, C cells of a window, H heads.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

APART = -100.0
"""Added to the score between cells that are neighbours only because the grid was rolled."""


def relative_positions(rows: int, columns: int) -> Tensor:
    """Which of the (2 rows - 1) * (2 columns - 1) offsets lies between two cells of a grid: [C, C]."""
    row = torch.arange(rows).repeat_interleave(columns)
    column = torch.arange(columns).repeat(rows)
    down = row.unsqueeze(1) - row + rows - 1
    right = column.unsqueeze(1) - column + columns - 1
    return down * (2 * columns - 1) + right


class WindowPositionBias(nn.Module):
    """What a head adds to the score of two cells of a window, learned for every offset between them.

    A relative position bias, as in Shaw et al. 2018 and Raffel et al. 2020, over two dimensions.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty((2 * size - 1) * (2 * size - 1), heads))
        self.index: Tensor
        self.register_buffer(
            "index", torch.empty(size * size, size * size, dtype=torch.int64), persistent=False
        )
        self.size = size
        self.reset_buffers()

    def reset_buffers(self) -> None:
        """Number the offsets, on the device where the numbers live."""
        self.index = relative_positions(self.size, self.size).to(self.index.device)

    def forward(self) -> Tensor:
        """[1, H, C, C]."""
        return self.table[self.index].permute(2, 0, 1).unsqueeze(0)


class Windows(nn.Module):
    """A grid cut into square windows; zeros behind its last row and column fill the last of them."""

    def __init__(self, rows: int, columns: int, size: int) -> None:
        super().__init__()
        self.rows = rows
        self.columns = columns
        self.size = size
        self.down = (rows + size - 1) // size
        self.across = (columns + size - 1) // size

    def split(self, hidden: Tensor) -> Tensor:
        """[B, S, D] -> [B * N, C, D]."""
        images, _, width = hidden.shape
        grid = hidden.view(images, self.rows, self.columns, width)
        below, right = self.down * self.size - self.rows, self.across * self.size - self.columns
        return self.cut(F.pad(grid, (0, 0, 0, right, 0, below)))

    def cut(self, grid: Tensor) -> Tensor:
        """A grid whose sides the windows divide: [B, R, Q, D] -> [B * N, C, D]."""
        images, width, size = grid.shape[0], grid.shape[3], self.size
        parts = grid.reshape(images, self.down, size, self.across, size, width).transpose(2, 3)
        return parts.reshape(images * self.down * self.across, size * size, width)

    def put_together(self, windows: Tensor) -> Tensor:
        """The inverse of `cut`."""
        width, size = windows.shape[2], self.size
        parts = windows.view(-1, self.down, self.across, size, size, width).transpose(2, 3)
        return parts.reshape(-1, self.down * size, self.across * size, width)

    def join(self, windows: Tensor) -> Tensor:
        """The inverse of `split`: [B * N, C, D] -> [B, S, D]."""
        return self.put_together(windows)[:, : self.rows, : self.columns].flatten(1, 2)

    def biased(self, bias: Tensor, images: int) -> Tensor:
        """What is added to the scores: `bias` [1, H, C, C], for it is the same in every window."""
        return bias


class ShiftedWindows(Windows):
    """Windows that begin `shift` cells later; the cells before come last, as if the grid were rolled."""

    def __init__(self, rows: int, columns: int, size: int, shift: int) -> None:
        super().__init__(rows, columns, size)
        self.shift = shift

    def cut(self, grid: Tensor) -> Tensor:
        """[B, R, Q, D] -> [B * N, C, D], rolled before."""
        return super().cut(grid.roll((-self.shift, -self.shift), (1, 2)))

    def put_together(self, windows: Tensor) -> Tensor:
        """[B * N, C, D] -> [B, R, Q, D], rolled back."""
        return super().put_together(windows).roll((self.shift, self.shift), (1, 2))

    def biased(self, bias: Tensor, images: int) -> Tensor:
        """[1, H, C, C] -> [B * N, H, C, C]: cells from opposite ends of the grid hardly see each other."""
        down = self.ends(self.down * self.size, bias.device)
        across = self.ends(self.across * self.size, bias.device)
        ends = super().cut((2 * down.unsqueeze(1) + across)[None, :, :, None]).squeeze(-1)  # [N, C]
        apart = (ends.unsqueeze(1) != ends.unsqueeze(2)).unsqueeze(1) * APART  # [N, 1, C, C]
        both = bias + apart.to(bias.dtype)
        return both.expand(images, *both.shape).flatten(0, 1)

    def ends(self, cells: int, device: torch.device) -> Tensor:
        """Along one side of the rolled grid: 1 where a cell came round from the other end."""
        return (torch.arange(cells, device=device) >= cells - self.shift).long()


class WindowAttention(nn.Module):
    """Attention among the cells of each window, with a bias for their relative position."""

    def __init__(self, windows: Windows, attention: nn.Module, position_bias: nn.Module) -> None:
        super().__init__()
        self.windows = windows
        self.attention = attention
        self.position_bias = position_bias

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D] -> [B, S, D]; a grid has no padding to mask, and zeros behind it are attended."""
        bias = self.windows.biased(self.position_bias(), hidden.shape[0])
        return self.windows.join(self.attention(self.windows.split(hidden), bias))


class PatchMerging(nn.Module):
    """A grid of half the rows and columns: four cells become one of twice the width.

    An odd side is filled with zeros. The four come in the order of their columns, then of their rows.
    """

    def __init__(self, rows: int, columns: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.proj = nn.Linear(4 * width, 2 * width, bias=False)
        self.rows = rows
        self.columns = columns

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, S, D] -> [B, ceil(rows / 2) * ceil(columns / 2), 2 D]."""
        images, _, width = hidden.shape
        grid = hidden.view(images, self.rows, self.columns, width)
        grid = F.pad(grid, (0, 0, 0, self.columns % 2, 0, self.rows % 2))
        down, across = grid.shape[1] // 2, grid.shape[2] // 2
        four = grid.view(images, down, 2, across, 2, width).permute(0, 1, 3, 4, 2, 5)
        return self.proj(self.norm(four.reshape(images, down * across, 4 * width)))
