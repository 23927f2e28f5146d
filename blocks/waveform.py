"""Convolutions over raw audio (Schneider et al. 2019, "wav2vec"; Baevski et al. 2020, "wav2vec 2.0")."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blocks.masks import first_positions


class TimeNorm(nn.GroupNorm):
    """Normalisation of each channel over time: as many groups as channels, a single frame included."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, F], unchanged in shape."""
        return torch.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


class ChannelNorm(nn.LayerNorm):
    """Normalisation over the channels of every frame, where channels come before time."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, F], unchanged in shape."""
        frames = input.transpose(1, 2)
        normed = F.layer_norm(frames, self.normalized_shape, self.weight, self.bias, self.eps)
        return normed.transpose(1, 2)


class Convolution(nn.Module):
    """A strided convolution without padding, then an activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        bias: bool,
        activation: nn.Module,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel, stride, bias=bias)
        self.activation = activation
        self.kernel = kernel
        self.stride = stride

    def forward(self, frames: Tensor) -> Tensor:
        """[B, C, F] -> [B, out_channels, floor((F - kernel) / stride) + 1]."""
        return self.activation(self.conv(frames))


class NormedConvolution(nn.Module):
    """A strided convolution without padding, normalised, then an activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        bias: bool,
        norm: nn.Module,
        activation: nn.Module,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel, stride, bias=bias)
        self.norm = norm
        self.activation = activation
        self.kernel = kernel
        self.stride = stride

    def forward(self, frames: Tensor) -> Tensor:
        """[B, C, F] -> [B, out_channels, floor((F - kernel) / stride) + 1]."""
        return self.activation(self.norm(self.conv(frames)))


class WaveformEncoder(nn.ModuleList):
    """Convolutions in sequence; every one shortens the valid length as it shortens time.

    Samples behind the end of a recording are not zeroed, as published, so its last outputs, and
    norms over time, see them. A recording shorter than one output is masked whole.
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, waveform: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """waveform [B, N], mask [B, N] with 1 = valid -> hidden [B, S, C], mask [B, S]."""
        hidden = waveform.unsqueeze(1)
        for layer in self:
            hidden = layer(hidden)
        hidden = hidden.transpose(1, 2)
        if mask is None:
            return hidden, None
        lengths = mask.sum(-1)
        layers: list[Any] = list(self)
        for layer in layers:
            lengths = (lengths - layer.kernel) // layer.stride + 1
        return hidden, first_positions(lengths, hidden.shape[1])
