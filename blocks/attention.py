"""Multi-head attention (Vaswani et al. 2017, section 3.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blocks.cache import Cache
from blocks.drop_out import drop_out
from blocks.linear import Projection


def split_heads(states: Tensor, heads: int) -> Tensor:
    """[B, T, D] -> [B, H, T, K]."""
    rows, tokens, width = states.shape
    return states.view(rows, tokens, heads, width // heads).transpose(1, 2)


def merge_heads(states: Tensor) -> Tensor:
    """[B, H, T, K] -> [B, T, D]."""
    rows, heads, tokens, head_width = states.shape
    return states.transpose(1, 2).reshape(rows, tokens, heads * head_width)


def side_by_side(states: Tensor, beams: int) -> Tensor:
    """Lay the beams of a sentence one after another: [B * beams, T, D] -> [B, beams * T, D]."""
    rows, tokens, width = states.shape
    return states.view(rows // beams, beams * tokens, width)


def attend(
    query: Tensor,  # [B, H, T, K]
    key: Tensor,  # [B, H, S, K]
    value: Tensor,  # [B, H, S, K]
    mask: Tensor | None,  # additive, fits [B, H, T, S]
    dropout: float,
    scale: float | None = None,
) -> Tensor:
    """Means of the values, weighted by how queries meet keys; weights go through dropout: [B, H, T, K]."""
    if dropout == 0.0 or not query.is_cpu or torch.compiler.is_compiling():
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale
        )
    scores = query * (query.shape[-1] ** -0.5 if scale is None else scale) @ key.mT
    weights = (scores if mask is None else scores + mask).softmax(-1)
    return drop_out(weights, dropout) @ value


class SelfAttention(nn.Module):
    """Attention of a sequence over itself, incremental when given a cache.

    Queries and values add a bias where `bias` says so, keys where `key_bias` does. Scores are multiplied
    by `scale`, or by one over the root of a head's width.
    """

    def __init__(
        self,
        target_dim: int,
        heads: int,
        dropout: float,
        scale: float | None = None,
        bias: bool = True,
        key_bias: bool = True,
    ) -> None:
        super().__init__()
        self.q_proj = Projection(target_dim, target_dim, bias)
        self.k_proj = Projection(target_dim, target_dim, key_bias)
        self.v_proj = Projection(target_dim, target_dim, bias)
        self.out_proj = Projection(target_dim, target_dim)
        self.heads = heads
        self.dropout = dropout
        self.scale = scale

    def forward(
        self,
        hidden: Tensor,  # [R, T, D]
        mask: Tensor | None = None,  # additive; over a cache [B, 1, beams * T, visible]
        cache: Cache | None = None,
        layer: int = 0,
        slots: Tensor | None = None,  # [T * beams], where a cache stores the new states
    ) -> Tensor:
        """Attend over `hidden`, or over everything the cache holds: [R, T, D]."""
        query = self.q_proj(hidden)
        key = split_heads(self.k_proj(hidden), self.heads)
        value = split_heads(self.v_proj(hidden), self.heads)
        if cache is not None and slots is not None:
            key, value = cache.write(layer, slots, key, value)
            query = side_by_side(query, cache.beams)
        dropout = self.dropout if self.training else 0.0
        attended = attend(split_heads(query, self.heads), key, value, mask, dropout, self.scale)
        return self.out_proj(merge_heads(attended).view_as(hidden))


class DroppedSelfAttention(SelfAttention):
    """The same, dropping out what comes out."""

    def __init__(
        self,
        target_dim: int,
        heads: int,
        dropout: float,
        output_dropout: float,
        scale: float | None = None,
        bias: bool = True,
        key_bias: bool = True,
    ) -> None:
        super().__init__(target_dim, heads, dropout, scale, bias, key_bias)
        self.output_dropout = output_dropout

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None = None,
        cache: Cache | None = None,
        layer: int = 0,
        slots: Tensor | None = None,
    ) -> Tensor:
        """As `SelfAttention`: [R, T, D]."""
        attended = super().forward(hidden, mask, cache, layer, slots)
        return drop_out(attended, self.output_dropout, self.training)


class CrossAttention(nn.Module):
    """Attention of a target over a source, whose width may differ. `scale` is as in `SelfAttention`."""

    def __init__(
        self, target_dim: int, source_dim: int, heads: int, dropout: float, scale: float | None = None
    ) -> None:
        super().__init__()
        self.q_proj = Projection(target_dim, target_dim)
        self.k_proj = Projection(source_dim, target_dim)
        self.v_proj = Projection(source_dim, target_dim)
        self.out_proj = Projection(target_dim, target_dim)
        self.heads = heads
        self.dropout = dropout
        self.scale = scale

    def source_states(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the source [B, S, source_dim]: two of [B, H, S, K]."""
        return split_heads(self.k_proj(source), self.heads), split_heads(self.v_proj(source), self.heads)

    def forward(
        self,
        hidden: Tensor,  # [R, T, D]
        states: tuple[Tensor, Tensor],  # from `source_states`, [B, H, S, K] each
        mask: Tensor | None = None,  # additive, [B, 1, 1, S]
        beams: int = 1,
    ) -> Tensor:
        """Attend over the source: [R, T, D], R = B * beams.

        The beams of a sentence share its source, so they are laid side by side as queries and the
        source's keys and values are read once.
        """
        query = side_by_side(self.q_proj(hidden), beams)
        dropout = self.dropout if self.training else 0.0
        attended = attend(split_heads(query, self.heads), *states, mask, dropout, self.scale)
        return self.out_proj(merge_heads(attended).view_as(hidden))


class DroppedCrossAttention(CrossAttention):
    """The same, dropping out what comes out."""

    def __init__(
        self,
        target_dim: int,
        source_dim: int,
        heads: int,
        dropout: float,
        output_dropout: float,
        scale: float | None = None,
    ) -> None:
        super().__init__(target_dim, source_dim, heads, dropout, scale)
        self.output_dropout = output_dropout

    def forward(
        self,
        hidden: Tensor,
        states: tuple[Tensor, Tensor],
        mask: Tensor | None = None,
        beams: int = 1,
    ) -> Tensor:
        """As `CrossAttention`: [R, T, D]."""
        attended = super().forward(hidden, states, mask, beams)
        return drop_out(attended, self.output_dropout, self.training)
