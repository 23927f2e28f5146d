"""Layers that attend over fewer positions than they are given (Barrault et al. 2023)."""

from typing import Any

from torch import Tensor, nn

from blocks.drop_out import drop_out
from blocks.masks import additive, first_positions


class PoolingEncoderLayer(nn.Module):
    """y = Pool(norm(x)) + SelfAttention(Pool'(norm'(x))); y += FeedForward(norm(y)).

    Both pools are gated convolutions of one stride. Padding is not zeroed before them, as published.
    """

    def __init__(
        self,
        residual_norm: nn.Module,
        residual_pool: nn.Module,
        self_attention_norm: nn.Module,
        self_attention_pool: nn.Module,
        self_attention: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.residual_norm = residual_norm
        self.residual_pool = residual_pool
        self.self_attention_norm = self_attention_norm
        self.self_attention_pool = self_attention_pool
        self.self_attention = self_attention
        self.feed_forward_norm = feed_forward_norm
        self.feed_forward = feed_forward
        self.dropout = dropout

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], how many of the pooled positions are valid [B] -> [B, S', D]."""
        residual = self.residual_pool(self.residual_norm(hidden).transpose(1, 2)).transpose(1, 2)
        pooled = self.self_attention_pool(self.self_attention_norm(hidden).transpose(1, 2)).transpose(1, 2)
        mask = None
        if lengths is not None:
            valid = first_positions(lengths, pooled.shape[1])
            mask = additive(valid[:, None, None, :], pooled.dtype)
        attended = self.self_attention(pooled, mask)
        hidden = residual + drop_out(attended, self.dropout, self.training)
        return hidden + self.feed_forward(self.feed_forward_norm(hidden))


class PoolingEncoderStack(nn.ModuleList):
    """Pooling layers in sequence, whose mask is shortened once, whatever their number, as published.

    Of L valid positions floor((L + 2 (kernel // 2) - kernel) / stride) + 1 are left: where the convolutions
    are padded by another number than half their kernel, or there is not one of them, that is not how many
    states they make of L.
    """

    def __init__(self, layers: list[nn.Module], kernel: int, stride: int) -> None:
        super().__init__(layers)
        self.kernel = kernel
        self.stride = stride

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> hidden [B, S', D], mask [B, S']."""
        lengths = None
        if mask is not None:
            lengths = (mask.sum(-1) + 2 * (self.kernel // 2) - self.kernel) // self.stride + 1
        layers: list[Any] = list(self)
        for layer in layers:
            hidden = layer(hidden, lengths)
        return hidden, None if lengths is None else first_positions(lengths, hidden.shape[1])
