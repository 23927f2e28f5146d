"""States of any length as a fixed number of vectors (Jaegle et al. 2021; Alayrac et al. 2022)."""

from typing import Any

import torch
from torch import Tensor, nn

from blocks.drop_out import drop_out
from blocks.masks import additive


class ResamplerLayer(nn.Module):
    """x += CrossAttention(norm(x), source); x += FeedForward(norm(x))."""

    def __init__(
        self,
        cross_attention_norm: nn.Module,
        cross_attention: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.cross_attention_norm = cross_attention_norm
        self.cross_attention = cross_attention
        self.feed_forward_norm = feed_forward_norm
        self.feed_forward = feed_forward
        self.dropout = dropout

    def dropped(self, states: Tensor) -> Tensor:
        """A sub-layer's output after dropout, which acts in training only."""
        return drop_out(states, self.dropout) if self.training else states

    def forward(self, hidden: Tensor, source: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, N, D], source [B, S, source_dim], additive mask [B, 1, 1, S] -> [B, N, D]."""
        attention: Any = self.cross_attention
        states = attention.source_states(source)
        attended = attention(self.cross_attention_norm(hidden), states, mask)
        hidden = hidden + self.dropped(attended)
        return hidden + self.dropped(self.feed_forward(self.feed_forward_norm(hidden)))


class ResamplerStack(nn.ModuleList):
    """Resampler layers, one after another; each reads the same source."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, hidden: Tensor, source: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, N, D], source [B, S, source_dim], additive mask [B, 1, 1, S] -> [B, N, D]."""
        for layer in self:
            hidden = layer(hidden, source, mask)
        return hidden


class Resampler(nn.Module):
    """Learned queries that attend to a source: as many vectors as queries, however long it is."""

    def __init__(
        self, queries: int, width: int, source_norm: nn.Module, layers: nn.Module, norm: nn.Module
    ) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.empty(queries, width))
        self.source_norm = source_norm
        self.layers = layers
        self.norm = norm

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, source_dim], mask [B, S] with 1 = valid -> [B, queries, width], all of them valid."""
        bias = None if mask is None else additive(mask[:, None, None, :], hidden.dtype)
        queries = self.queries.expand(hidden.shape[0], -1, -1)
        return self.norm(self.layers(queries, self.source_norm(hidden), bias))
