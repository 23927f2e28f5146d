"""Convolutional subsampling of feature frames (Collobert et al. 2016; Synnaeve et al. 2020)."""

from collections.abc import Iterator
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from blocks.masks import first_positions
from blocks.stacks import surviving


class GatedConvolution(nn.Module):
    """A strided convolution over time whose output is gated (Dauphin et al. 2017)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, 2 * out_channels, kernel, stride, padding)
        self.stride = stride

    def forward(self, frames: Tensor) -> Tensor:
        """[B, C, F] -> [B, out_channels, floor((F + 2 padding - kernel) / stride) + 1]."""
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
        hidden = hidden.transpose(
            1, 2
        ).contiguous()  # or every sum of the layers keeps the convolution's order
        if mask is None:
            return hidden, None
        lengths = mask.sum(-1)
        strides: list[Any] = [layer.stride for layer in self]
        for stride in strides:
            lengths = (lengths - 1) // stride + 1
        return hidden, first_positions(lengths, hidden.shape[1])


class ConvDownsampling(nn.ModuleList):
    """Gated convolutions over hidden states of one width; the mask is shortened by the strides alone.

    Padding is not zeroed before them, as published, so the last valid outputs see it.
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers to run, with their indices."""
        return enumerate(self)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> the same, shorter."""
        lengths = None if mask is None else mask.sum(-1)
        hidden = hidden.transpose(1, 2)
        for _, layer in self.kept():
            hidden = layer(hidden)
            if lengths is not None:
                lengths = (lengths - 1) // layer.stride + 1
        hidden = hidden.transpose(1, 2)
        return hidden, None if lengths is None else first_positions(lengths, hidden.shape[1])


class LayerDropConvDownsampling(ConvDownsampling):
    """The same, skipping whole layers at random in training: length and mask then keep their stride."""

    def __init__(self, layers: list[nn.Module], layerdrop: float) -> None:
        super().__init__(layers)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)


class StridedConvolution(nn.Module):
    """A convolution over every `stride`-th position, its window around that position, then an activation."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, activation: nn.Module
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel, stride)
        self.activation = activation
        self.margins = ((kernel - 1) // 2, kernel // 2)
        self.stride = stride

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, C, S] -> [B, out_channels, ceil(S / stride)], zeros beyond both ends."""
        return self.activation(self.conv(F.pad(hidden, self.margins)))


class MaskedDownsampling(nn.ModuleList):
    """Strided convolutions over hidden states that see padding as zeros, as they see what is beyond an end.

    A position is valid where the one that its window is around is: whatever the mask, none leaks.
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """hidden [B, S, C], mask [B, S] with 1 = valid -> hidden [B, S', out_channels], mask [B, S']."""
        hidden = hidden.transpose(1, 2)
        layers: list[Any] = list(self)
        for layer in layers:
            if mask is not None:
                hidden = hidden.masked_fill(mask.unsqueeze(1) == 0, 0.0)
                mask = mask[:, :: layer.stride]
            hidden = layer(hidden)
        return hidden.transpose(1, 2), mask
