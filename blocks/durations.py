"""How long every position of a sequence lasts (Ren et al. 2021, FastSpeech 2, section 2.3)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blocks.drop_out import drop_out
from blocks.linear import Projection


class CentredConvolution(nn.Module):
    """A convolution that keeps the length and sees padding as it sees what is beyond an end: as zeros.

    An even kernel reaches one position further ahead than back.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel)
        self.margins = ((kernel - 1) // 2, kernel // 2)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, C], mask [B, T] with 1 = valid -> [B, T, out_channels]."""
        if mask is not None:
            hidden = hidden.masked_fill(mask.unsqueeze(-1) == 0, 0.0)
        return self.conv(F.pad(hidden.transpose(1, 2), self.margins)).transpose(1, 2)


class DurationPredictor(nn.Module):
    """Two convolutions, each rectified, normalised and dropped out, then log(1 + duration)."""

    def __init__(
        self,
        first: nn.Module,
        first_norm: nn.Module,
        second: nn.Module,
        second_norm: nn.Module,
        inner: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.first = first
        self.first_norm = first_norm
        self.second = second
        self.second_norm = second_norm
        self.log_duration = Projection(inner, 1)
        self.dropout = dropout

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], mask [B, T] with 1 = valid -> durations [B, T], at least 1; padding has 0."""
        states = self.first_norm(self.first(hidden, mask).relu())
        states = drop_out(states, self.dropout, self.training)
        states = self.second_norm(self.second(states, mask).relu())
        states = drop_out(states, self.dropout, self.training)
        durations = torch.expm1(self.log_duration(states).squeeze(-1)).round().long().clamp(min=1)
        return durations if mask is None else durations * mask
