"""Convolutional subsampling of feature frames (Collobert et al. 2016; Synnaeve et al. 2020)."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from blocks.masks import first_positions


class GatedConvolution(nn.Module):
    """A strided convolution over time whose output is gated (Dauphin et al. 2017)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, 2 * out_channels, kernel, stride, padding=kernel // 2)
        self.stride = stride

    def forward(self, frames: Tensor) -> Tensor:
        """[B, C, F] -> [B, out_channels, floor((F + 2 (kernel // 2) - kernel) / stride) + 1]."""
        return F.glu(self.conv(frames), dim=1)


class ConvSubsampler(nn.ModuleList):
    """Gated convolutions in sequence; the mask is shortened by the strides alone.

    Padded frames are not zeroed between the convolutions, as published, so the last valid outputs
    see them.
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """features [B, F, C], mask [B, F] with 1 = valid -> hidden [B, S, D], mask [B, S]."""
        hidden = features.transpose(1, 2)
        for layer in self:
            hidden = layer(hidden)
        hidden = hidden.transpose(1, 2)
        if mask is None:
            return hidden, None
        lengths = mask.sum(-1)
        strides: list[Any] = [layer.stride for layer in self]
        for stride in strides:
            lengths = (lengths - 1) // stride + 1
        return hidden, first_positions(lengths, hidden.shape[1])
