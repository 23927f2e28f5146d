"""Conformer layers: attention and a convolution between two halves of a feed-forward (Gulati et al. 2020)."""

import torch.nn.functional as F
from torch import Tensor, nn

from blocks.drop_out import drop_out
from blocks.masks import zeroed


class CausalConvolution(nn.Conv1d):
    """A convolution that sees no later position: zeros stand before the first one."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, S] -> [B, out_channels, S]."""
        return super().forward(F.pad(input, (self.kernel_size[0] - 1, 0)))


class ConvolutionModule(nn.Module):
    """Channels mixed and gated, each convolved over time, normalised, activated, and mixed again."""

    def __init__(self, width: int, depthwise: nn.Module, norm: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.gate = nn.Conv1d(width, 2 * width, 1, bias=False)
        self.depthwise = depthwise
        self.norm = norm
        self.activation = activation
        self.mix = nn.Conv1d(width, width, 1, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, S, D] -> [B, S, D]; the depthwise convolution keeps the length."""
        gated = F.glu(self.gate(hidden.transpose(1, 2)), dim=1)
        return self.mix(self.activation(self.norm(self.depthwise(gated)))).transpose(1, 2)


class ConformerLayer(nn.Module):
    """x += First(norm(x)) / 2; x += SelfAttention(norm(x)); x += Convolution(norm(x));
    x += Second(norm(x)) / 2.

    First and second are feed-forwards, and a norm ends the layer. Who inherits says what the convolution
    sees of padding.
    """

    def __init__(
        self,
        first_norm: nn.Module,
        first: nn.Module,
        self_attention_norm: nn.Module,
        self_attention: nn.Module,
        convolution_norm: nn.Module,
        convolution: nn.Module,
        second_norm: nn.Module,
        second: nn.Module,
        final_norm: nn.Module,
        dropout: float,
        convolution_dropout: float,
    ) -> None:
        super().__init__()
        self.first_norm = first_norm
        self.first = first
        self.self_attention_norm = self_attention_norm
        self.self_attention = self_attention
        self.convolution_norm = convolution_norm
        self.convolution = convolution
        self.second_norm = second_norm
        self.second = second
        self.final_norm = final_norm
        self.dropout = dropout
        self.convolution_dropout = convolution_dropout

    def attended(self, hidden: Tensor, mask: Tensor | None, *positions: Tensor) -> Tensor:
        """The states after the first two sub-layers: [B, S, D] -> [B, S, D]."""
        hidden = hidden + 0.5 * self.first(self.first_norm(hidden))
        attended = self.self_attention(self.self_attention_norm(hidden), mask, *positions)
        return hidden + drop_out(attended, self.dropout, self.training)

    def convolved(self, hidden: Tensor, normed: Tensor) -> Tensor:
        """The states after the last two sub-layers, of which the convolution sees `normed`: all [B, S, D]."""
        convolved = self.convolution(normed)
        hidden = hidden + drop_out(convolved, self.convolution_dropout, self.training)
        hidden = hidden + 0.5 * self.second(self.second_norm(hidden))
        return self.final_norm(hidden)


class ConformerEncoderLayer(ConformerLayer):
    """A layer whose convolution sees padding as it is, as published."""

    def forward(self, hidden: Tensor, mask: Tensor | None = None, *positions: Tensor) -> Tensor:
        """hidden [B, S, D], additive mask [B, 1, 1, S], what attention knows of positions -> [B, S, D]."""
        hidden = self.attended(hidden, mask, *positions)
        return self.convolved(hidden, self.convolution_norm(hidden))


class MaskedConformerEncoderLayer(ConformerLayer):
    """A layer whose convolution sees padding as zeros."""

    def forward(self, hidden: Tensor, visible: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], pairs that attend [B or 1, 1, S, S], mask [B, S] with 1 = keep -> [B, S, D]."""
        hidden = self.attended(hidden, visible)
        return self.convolved(hidden, zeroed(self.convolution_norm(hidden), mask))
