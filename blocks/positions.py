"""Positions: learned, or sinusoidal (tensor2tensor's layout: all sines, then all cosines)."""

import math

import torch
from torch import Tensor, nn

from blocks.cache import Cache


def sinusoids(rows: int, width: int, padding_row: int) -> Tensor:
    """Row p is [sin(p f_0) .. sin(p f_n), cos(p f_0) .. cos(p f_n)], f_i = 10000^(-i / (width/2 - 1)).

    The padding row is zero. Returns [rows, width] in the default dtype.
    """
    half = width // 2
    frequencies = torch.exp(torch.arange(half).float() * -(math.log(10000) / (half - 1)))
    angles = torch.arange(rows).float().unsqueeze(1) * frequencies
    table = torch.empty(rows, 2 * half, dtype=torch.float32)
    table[:, half:] = angles.cos()
    table[:, :half] = angles.sin_()
    table[padding_row] = 0
    return table.to(torch.get_default_dtype())


class SinusoidTable(nn.Module):
    """A fixed number of positions; asking for more is an error."""

    def __init__(self, rows: int, width: int, padding_row: int) -> None:
        super().__init__()
        self.table: Tensor
        self.register_buffer("table", torch.empty(rows, width), persistent=False)
        self.rows = rows
        self.width = width
        self.padding_row = padding_row
        self.reset_buffers()

    def reset_buffers(self) -> None:
        """Compute the table from its formula, on the device where it lives."""
        self.table = sinusoids(self.rows, self.width, self.padding_row).to(self.table)

    def rows_for(self, count: int) -> Tensor:
        """A table with room for `count` positions after the padding row."""
        if self.padding_row + 1 + count > self.rows:
            raise ValueError(
                f"{count} positions were asked for; the table ends at {self.rows - self.padding_row - 1}"
            )
        return self.table


class GrowingSinusoidTable(SinusoidTable):
    """A table that continues its formula past the rows it was declared with."""

    def rows_for(self, count: int) -> Tensor:
        """The declared table, or a longer one computed for this call."""
        needed = self.padding_row + 1 + count
        if needed <= self.rows:
            return self.table
        return sinusoids(needed, self.width, self.padding_row).to(self.table)


def token_rows(ids: Tensor, padding_row: int, cache: Cache | None) -> Tensor:
    """The row of a table for each of the ids [R, T]: counted from the padding row on, pads on it."""
    real = ids.ne(padding_row).long()
    past = 0 if cache is None else cache.position
    return (real.cumsum(1) + past) * real + padding_row


class TokenPositions(nn.Module):
    """Positions of token ids: real tokens count up from padding_row + 1, pads get the zero row."""

    def __init__(self, table: SinusoidTable, padding_row: int) -> None:
        super().__init__()
        self.table = table
        self.padding_row = padding_row

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids [R, T] -> [R, T, D]; with a cache, counting goes on from its position."""
        table = self.table.rows_for(ids.shape[1] if cache is None else cache.filled)
        return nn.functional.embedding(token_rows(ids, self.padding_row, cache), table)


def require_room(count: int, rows: int, first: int) -> None:
    """Refuse more positions than a table of `rows` has from row `first` on."""
    if first + count > rows:
        raise ValueError(f"{count} positions were asked for; the table ends at {rows - first}")


class FixedTokenPositions(nn.Module):
    """Positions of token ids, counted as in `TokenPositions`, whose rows are kept among the weights.

    They begin as sinusoids, or as whatever a checkpoint stores, and training leaves them as they are.
    """

    def __init__(self, rows: int, width: int, padding_row: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(rows, width), requires_grad=False)
        self.rows = rows
        self.width = width
        self.padding_row = padding_row

    def sinusoids(self) -> Tensor:
        """What the rows begin as: [rows, width]."""
        return sinusoids(self.rows, self.width, self.padding_row)

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids [R, T] -> [R, T, D]; with a cache, counting goes on from its position."""
        end = ids.shape[1] if cache is None else cache.filled
        require_room(end, self.rows, self.padding_row + 1)
        return nn.functional.embedding(token_rows(ids, self.padding_row, cache), self.table)


class LearnedTokenPositions(nn.Module):
    """A trained row for the position of every real token, counted as in `TokenPositions`."""

    def __init__(self, rows: int, width: int, padding_row: int) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, width, padding_idx=padding_row)
        self.rows = rows
        self.padding_row = padding_row

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids [R, T] -> [R, T, D]; with a cache, counting goes on from its position."""
        end = ids.shape[1] if cache is None else cache.filled
        require_room(end, self.rows, self.padding_row + 1)
        return self.table(token_rows(ids, self.padding_row, cache))


class LearnedPositions(nn.Module):
    """A trained row for every position, whatever stands there; the first is row `offset`."""

    def __init__(self, rows: int, width: int, offset: int) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, width)
        self.rows = rows
        self.offset = offset

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids [R, T] -> [R, T, D]; with a cache, counting goes on from its position."""
        batch, tokens = ids.shape
        end = tokens if cache is None else cache.filled
        require_room(end, self.rows, self.offset)
        past = 0 if cache is None else cache.position
        positions = torch.arange(tokens, device=ids.device) + past
        return self.table(positions + self.offset).expand(batch, -1, -1)


class SinusoidalPositions(nn.Module):
    """A sinusoid for every position, whatever stands there; the first is row `offset` of the table."""

    def __init__(self, table: SinusoidTable, offset: int) -> None:
        super().__init__()
        self.table = table
        self.offset = offset

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids [R, T] -> [R, T, D]; with a cache, counting goes on from its position."""
        batch, tokens = ids.shape
        end = tokens if cache is None else cache.filled
        table = self.table.rows_for(self.offset + end - self.table.padding_row - 1)
        past = 0 if cache is None else cache.position
        positions = torch.arange(tokens, device=ids.device) + past + self.offset
        return nn.functional.embedding(positions, table).expand(batch, -1, -1)


class AddScaledPositions(nn.Module):
    """Sum of hidden states and a learned multiple of sinusoids, then dropout (Li et al. 2019, section 3.2).

    Every position is counted, padding too; the first is the row behind the padding row.
    """

    def __init__(self, table: SinusoidTable, padding_row: int, dropout: float) -> None:
        super().__init__()
        self.table = table
        self.scale = nn.Parameter(torch.empty(1))
        self.padding_row = padding_row
        self.dropout = dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        positions = hidden.shape[1]
        first = self.padding_row + 1
        table = self.table.rows_for(positions)[first : first + positions]
        return nn.functional.dropout(hidden + self.scale * table, self.dropout, self.training)


class FramePositions(nn.Module):
    """Positions of frames: valid frames count up from padding_row + 1, padding gets the zero row."""

    def __init__(self, table: SinusoidTable, padding_row: int) -> None:
        super().__init__()
        self.table = table
        self.padding_row = padding_row

    def counted(self, mask: Tensor) -> Tensor:
        """Which frames of the mask [B, S] are counted, as 0 and 1."""
        return mask

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> [B, S, D]."""
        frames = hidden.shape[1]
        table = self.table.rows_for(frames)
        if mask is None:
            mask = torch.ones(1, frames, dtype=torch.int64, device=hidden.device)
        counted = self.counted(mask)
        positions = counted.cumsum(1) * counted + self.padding_row
        return nn.functional.embedding(positions, table)


class UnmaskedFramePositions(FramePositions):
    """Every frame is counted, padding too.

    What the published encoder computes when its pad id is neither 0 nor 1: it looks for the pad id
    in a 0/1 padding indicator, and finds none.
    """

    def counted(self, mask: Tensor) -> Tensor:
        """All frames."""
        return torch.ones_like(mask)


class PaddingFramePositions(FramePositions):
    """Only padding is counted.

    What the published encoder computes when its pad id is 0: it looks for the pad id in a 0/1
    padding indicator, where 0 marks the valid frames.
    """

    def counted(self, mask: Tensor) -> Tensor:
        """The frames that are not valid."""
        return 1 - mask
