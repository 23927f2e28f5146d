"""Convolutions over time whose states have a position's channels side by side in memory."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LONG = 1 << 14
"""Positions from which on how states lie in memory counts: a second of a waveform."""


def beside_each_other(states: Tensor) -> Tensor:
    """[B, C, T] -> [B, C, 1, T] with a position's channels next to each other in memory."""
    return states.unsqueeze(2).contiguous(memory_format=torch.channels_last)


def is_worth_moving(states: Tensor) -> bool:
    """Whether a convolution of states [B, C, T] is quicker if their channels lie so: on a CPU, if it is long.

    There oneDNN computes in this order. Torch brings states of one axis into another before each
    convolution, and back behind it, which takes longer than to convolve a few channels.
    """
    return states.is_cpu and states.shape[-1] >= LONG


class TimeConvolution(nn.Conv1d):
    """A convolution whose output lies so where its input is worth moving; the next one finds it there."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, T] -> [B, out_channels, T'], as torch's."""
        if not is_worth_moving(input):
            return super().forward(input)
        assert isinstance(self.padding, tuple), "a number, and no name"
        assert self.padding_mode == "zeros", "and nothing else"
        stride, padding, dilation = (1, *self.stride), (0, *self.padding), (1, *self.dilation)
        states, weight = beside_each_other(input), self.weight.unsqueeze(2)
        return F.conv2d(states, weight, self.bias, stride, padding, dilation, self.groups).squeeze(2)


class TransposedTimeConvolution(nn.ConvTranspose1d):
    """A transposed convolution of the same kind."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """[B, C, T] -> [B, out_channels, T'], as torch's."""
        if output_size is not None or not is_worth_moving(input):
            return super().forward(input, output_size)
        assert isinstance(self.padding, tuple), "a number, and no name"
        stride, padding, dilation = (1, *self.stride), (0, *self.padding), (1, *self.dilation)
        added = (0, *self.output_padding)
        states, weight = beside_each_other(input), self.weight.unsqueeze(2)
        moved = F.conv_transpose2d(states, weight, self.bias, stride, padding, added, self.groups, dilation)
        return moved.squeeze(2)
