"""Layers of self-attention and convolutions over time (Ren et al. 2019, feed-forward Transformer block)."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from blocks.drop_out import drop_out
from blocks.stacks import SelfAttentionStack, surviving


class ConvolutionalFeedForward(nn.Module):
    """Two convolutions over time, an activation between them.

    Both see padding as zeros. An activation may make more than zero of it: as published the second
    convolution sees that much behind a row, up to the end of the longest one, and zeros further on.
    """

    def __init__(self, first: nn.Module, activation: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.activation = activation
        self.second = second

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], mask [B, T] with 1 = valid -> [B, T, D]."""
        states = self.first(hidden, mask)
        if mask is None:
            return self.second(self.activation(states))
        states = states.masked_fill(mask.unsqueeze(-1) == 0, 0.0)
        return self.second(self.activation(states), mask.amax(0, keepdim=True))


class PostNormConvolutionLayer(nn.Module):
    """x = norm(x + SelfAttention(x)); x = norm(x + Convolutions(x)); dropout on the convolutions only."""

    def __init__(
        self,
        self_attention: nn.Module,
        self_attention_norm: nn.Module,
        convolutions: nn.Module,
        convolutions_norm: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.self_attention = self_attention
        self.self_attention_norm = self_attention_norm
        self.convolutions = convolutions
        self.convolutions_norm = convolutions_norm
        self.dropout = dropout

    def forward(self, hidden: Tensor, visible: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], positions that attention sees [B, 1, 1, T], the same as a mask [B, T]
        -> [B, T, D]."""
        hidden = self.self_attention_norm(hidden + self.self_attention(hidden, visible))
        convolved = drop_out(self.convolutions(hidden, mask), self.dropout, self.training)
        return self.convolutions_norm(hidden + convolved)


class ConvolutionStack(SelfAttentionStack):
    """Layers that are told what is valid twice: for their attention, and for their convolutions.

    Attention is told by truth values: of a row without anything valid it makes zeros then, as published.
    """

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], mask [B, T] with 1 = keep -> [B, T, D]."""
        visible = None if mask is None else mask.bool()[:, None, None, :]
        for _, layer in self.kept():
            hidden = layer(hidden, visible, mask)
        return hidden


class LayerDropConvolutionStack(ConvolutionStack):
    """The same, skipping whole layers at random in training."""

    def __init__(self, layers: list[nn.Module], layerdrop: float) -> None:
        super().__init__(layers)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)
