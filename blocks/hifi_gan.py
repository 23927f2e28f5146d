"""Waveforms by transposed and dilated convolutions (Kong et al. 2020, "HiFi-GAN").

Before a convolution reads them, states behind the longest row are zeroed. Without such states nothing
changes; with them a batch padded to a bucket sounds as the same batch without.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blocks.inputs import look_is_free
from blocks.time_convolution import TimeConvolution, TransposedTimeConvolution


def longest_row(mask: Tensor | None) -> Tensor | None:
    """Positions up to the end of the longest row of a mask [B, F]: []; None where none is behind it.

    What is behind it has to be silenced, and where looking is free it is known to be nothing.
    """
    if mask is None:
        return None
    longest = mask.sum(-1).amax()
    return None if look_is_free(mask) and int(longest) == mask.shape[1] else longest


def positions_behind(longest: Tensor | None, size: int) -> Tensor | None:
    """Whether each position is behind the longest row: [] -> [size]; None where no row is padded."""
    return None if longest is None else torch.arange(size, device=longest.device) >= longest


def silenced(states: Tensor, behind: Tensor | None) -> Tensor:
    """States [..., N], zero at the positions `behind` [N]."""
    return states if behind is None else states.masked_fill(behind, 0.0)


class DilatedResidual(nn.Module):
    """A dilated convolution and one that is not, each behind a leaky ReLU, added to what they read.

    Both keep the length, so the kernel is odd.
    """

    def __init__(self, channels: int, kernel: int, dilation: int, slope: float) -> None:
        super().__init__()
        self.dilated = TimeConvolution(
            channels, channels, kernel, padding=(kernel - 1) * dilation // 2, dilation=dilation
        )
        self.conv = TimeConvolution(channels, channels, kernel, padding=(kernel - 1) // 2)
        self.slope = slope

    def forward(self, states: Tensor, behind: Tensor | None = None) -> Tensor:
        """states [B, C, N], behind [N] -> [B, C, N]."""
        mixed = self.dilated(silenced(F.leaky_relu(states, self.slope), behind))
        return states + self.conv(silenced(F.leaky_relu(mixed, self.slope, inplace=True), behind))


class ResidualStack(nn.ModuleList):
    """Residuals of one kernel and several dilations, one after another."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, states: Tensor, behind: Tensor | None = None) -> Tensor:
        """states [B, C, N], behind [N] -> [B, C, N]."""
        for layer in self:
            states = layer(states, behind)
        return states


class MeanOfStacks(nn.ModuleList):
    """Stacks of several kernels over the same states: their mean (multi-receptive field fusion)."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, states: Tensor, behind: Tensor | None = None) -> Tensor:
        """states [B, C, N], behind [N] -> [B, C, N]."""
        first, *others = self
        total = first(states, behind)
        for stack in others:
            total = total + stack(states, behind)
        return total / len(self)


class UpsamplingStage(nn.Module):
    """A transposed convolution, which makes `rate` positions of each one, and the mean of residual stacks."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, rate: int, slope: float, stacks: nn.Module
    ) -> None:
        super().__init__()
        self.upsample = TransposedTimeConvolution(
            in_channels, out_channels, kernel, rate, (kernel - rate) // 2
        )
        self.stacks = stacks
        self.rate = rate
        self.rest = (kernel - rate) % 2
        self.slope = slope

    def forward(self, states: Tensor, longest: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """states [B, C, N], longest [] -> [B, out_channels, rate N], one more where kernel - rate is odd."""
        behind = positions_behind(longest, states.shape[-1])
        states = self.upsample(silenced(F.leaky_relu(states, self.slope), behind))
        longest = None if longest is None else longest * self.rate + self.rest
        return self.stacks(states, positions_behind(longest, states.shape[-1])), longest


class UpsamplingStages(nn.ModuleList):
    """Stages in sequence, each with fewer channels and more positions."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, states: Tensor, longest: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """states [B, C, F], longest [] -> states [B, C', N], longest []."""
        for stage in self:
            states, longest = stage(states, longest)
        return states, longest


class HifiGanGenerator(nn.Module):
    """A waveform of hidden states. The last leaky ReLU has torch's own slope, as published."""

    def __init__(self, width: int, channels: int, last_channels: int, stages: nn.Module) -> None:
        super().__init__()
        self.first = TimeConvolution(width, channels, 7, padding=3)
        self.stages = stages
        self.last = TimeConvolution(last_channels, 1, 7, padding=3)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, F, D], mask [B, F] with 1 = valid -> [B, N] in -1..1, silent behind the longest row.

        Shorter rows are not zeroed, as published: what they hold behind their end is heard.
        """
        longest = longest_row(mask)
        states = self.first(silenced(hidden.transpose(1, 2), positions_behind(longest, hidden.shape[1])))
        states, longest = self.stages(states, longest)
        behind = positions_behind(longest, states.shape[-1])
        samples = self.last(silenced(F.leaky_relu(states), behind))
        return silenced(torch.tanh(samples), behind).squeeze(1)
