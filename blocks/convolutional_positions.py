"""Relative positions by a wide convolution over time (Mohamed et al. 2019; Baevski et al. 2020)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class WeightNormConvolution(nn.Module):
    """A grouped convolution that keeps its length, its weight kept as magnitude and direction.

    The weight at tap k is magnitude[k] * direction[k] / |direction[k]|, the norm taken over both kinds
    of channels (Salimans & Kingma 2016, one magnitude a tap).
    """

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(width))
        self.magnitude = nn.Parameter(torch.empty(1, 1, kernel))
        self.direction = nn.Parameter(torch.empty(width, width // groups, kernel))
        self.kernel = kernel
        self.groups = groups

    def forward(self, states: Tensor) -> Tensor:
        """[B, D, T] -> [B, D, T]: an even kernel gives one position too many, and the last is dropped."""
        norm = torch.linalg.vector_norm(self.direction, dim=(0, 1), keepdim=True)
        weight = self.direction * (self.magnitude / norm)
        mixed = F.conv1d(states, weight, self.bias, padding=self.kernel // 2, groups=self.groups)
        return mixed[..., : states.shape[-1]]


class LengthKeepingConvolution(nn.Conv1d):
    """A convolution, padded by half its kernel, that keeps its length."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T]: an even kernel gives one position too many, and the last is dropped."""
        return super().forward(input)[..., : input.shape[-1]]


class ConvolutionPositions(nn.Module):
    """What a position says of its neighbourhood: a convolution over time, activated."""

    def __init__(self, conv: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.activation = activation

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden [B, T, D] -> [B, T, D]."""
        return self.activation(self.conv(hidden.transpose(1, 2)).transpose(1, 2))


class BatchNormConvolutionPositions(nn.Module):
    """The same, its input normalised over the batch."""

    def __init__(self, norm: nn.Module, conv: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        self.conv = conv
        self.activation = activation

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden [B, T, D] -> [B, T, D]."""
        return self.activation(self.conv(self.norm(hidden.transpose(1, 2))).transpose(1, 2))


class PositionConvolution(nn.Module):
    """One convolution of several that give positions, normalised without parameters and activated."""

    def __init__(self, conv: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.activation = activation

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden [B, T, D] -> [B, T, D]."""
        mixed = self.conv(hidden.transpose(1, 2)).transpose(1, 2)
        return self.activation(F.layer_norm(mixed, mixed.shape[-1:]))


class StackedConvolutionPositions(nn.ModuleList):
    """Positions by convolutions one after another (Baevski et al. 2022)."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden [B, T, D] -> [B, T, D]."""
        for layer in self:
            hidden = layer(hidden)
        return hidden
