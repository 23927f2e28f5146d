"""Transformer layers, normalised before each sub-layer or after it."""

from torch import Tensor, nn

from blocks.cache import Cache
from blocks.drop_out import drop_out


class EncoderLayer(nn.Module):
    """The sub-layers of an encoder layer; who inherits orders them."""

    def __init__(
        self,
        self_attention_norm: nn.Module,
        self_attention: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.self_attention_norm = self_attention_norm
        self.self_attention = self_attention
        self.feed_forward_norm = feed_forward_norm
        self.feed_forward = feed_forward
        self.dropout = dropout

    def dropped(self, states: Tensor) -> Tensor:
        """A sub-layer's output after dropout, which acts in training only."""
        return drop_out(states, self.dropout) if self.training else states


class PreNormEncoderLayer(EncoderLayer):
    """x += SelfAttention(norm(x)); x += FeedForward(norm(x))."""

    def forward(self, hidden: Tensor, mask: Tensor | None = None, *positions: Tensor) -> Tensor:
        """hidden [B, S, D], additive mask [B, 1, 1, S], what attention knows of positions -> [B, S, D]."""
        attended = self.self_attention(self.self_attention_norm(hidden), mask, *positions)
        hidden = hidden + self.dropped(attended)
        transformed = self.feed_forward(self.feed_forward_norm(hidden))
        return hidden + self.dropped(transformed)


class PostNormEncoderLayer(EncoderLayer):
    """x = norm(x + SelfAttention(x)); x = norm(x + FeedForward(x))."""

    def forward(self, hidden: Tensor, mask: Tensor | None = None, *positions: Tensor) -> Tensor:
        """hidden [B, S, D], additive mask [B, 1, 1, S], what attention knows of positions -> [B, S, D]."""
        attended = self.self_attention(hidden, mask, *positions)
        hidden = self.self_attention_norm(hidden + self.dropped(attended))
        transformed = self.feed_forward(hidden)
        return self.feed_forward_norm(hidden + self.dropped(transformed))


class BranchEncoderLayer(nn.Module):
    """x += branch(SelfAttention(norm(x))); x += branch(FeedForward(norm(x))).

    A branch is what a sub-layer's output goes through before it is added: dropout, stochastic depth.
    """

    def __init__(
        self,
        self_attention_norm: nn.Module,
        self_attention: nn.Module,
        self_attention_branch: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        feed_forward_branch: nn.Module,
    ) -> None:
        super().__init__()
        self.self_attention_norm = self_attention_norm
        self.self_attention = self_attention
        self.self_attention_branch = self_attention_branch
        self.feed_forward_norm = feed_forward_norm
        self.feed_forward = feed_forward
        self.feed_forward_branch = feed_forward_branch

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], additive mask [B, 1, 1, S] -> [B, S, D]."""
        attended = self.self_attention(self.self_attention_norm(hidden), mask)
        hidden = hidden + self.self_attention_branch(attended)
        transformed = self.feed_forward(self.feed_forward_norm(hidden))
        return hidden + self.feed_forward_branch(transformed)


class DecoderLayer(nn.Module):
    """The sub-layers of a decoder layer with cross-attention; who inherits orders them."""

    def __init__(
        self,
        self_attention_norm: nn.Module,
        self_attention: nn.Module,
        cross_attention_norm: nn.Module,
        cross_attention: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.self_attention_norm = self_attention_norm
        self.self_attention = self_attention
        self.cross_attention_norm = cross_attention_norm
        self.cross_attention = cross_attention
        self.feed_forward_norm = feed_forward_norm
        self.feed_forward = feed_forward
        self.dropout = dropout

    def dropped(self, states: Tensor) -> Tensor:
        """A sub-layer's output after dropout, which acts in training only."""
        return drop_out(states, self.dropout) if self.training else states


class PreNormDecoderLayer(DecoderLayer):
    """x += SelfAttention(norm(x)); x += CrossAttention(norm(x)); x += FeedForward(norm(x))."""

    def forward(
        self,
        hidden: Tensor,  # [R, T, D]
        mask: Tensor | None,  # additive, over the target
        source_states: tuple[Tensor, Tensor],  # keys and values of the source
        source_mask: Tensor | None = None,  # additive, [B, 1, 1, S]
        cache: Cache | None = None,
        layer: int = 0,
        slots: Tensor | None = None,
        beams: int = 1,
    ) -> Tensor:
        """One decoder layer: [R, T, D] -> [R, T, D]."""
        attended = self.self_attention(self.self_attention_norm(hidden), mask, cache, layer, slots)
        hidden = hidden + self.dropped(attended)
        attended = self.cross_attention(self.cross_attention_norm(hidden), source_states, source_mask, beams)
        hidden = hidden + self.dropped(attended)
        transformed = self.feed_forward(self.feed_forward_norm(hidden))
        return hidden + self.dropped(transformed)


class PostNormDecoderLayer(DecoderLayer):
    """x = norm(x + SelfAttention(x)); x = norm(x + CrossAttention(x)); x = norm(x + FeedForward(x))."""

    def forward(
        self,
        hidden: Tensor,  # [R, T, D]
        mask: Tensor | None,  # additive, over the target
        source_states: tuple[Tensor, Tensor],  # keys and values of the source
        source_mask: Tensor | None = None,  # additive, [B, 1, 1, S]
        cache: Cache | None = None,
        layer: int = 0,
        slots: Tensor | None = None,
        beams: int = 1,
    ) -> Tensor:
        """One decoder layer: [R, T, D] -> [R, T, D]."""
        attended = self.self_attention(hidden, mask, cache, layer, slots)
        hidden = self.self_attention_norm(hidden + self.dropped(attended))
        attended = self.cross_attention(hidden, source_states, source_mask, beams)
        hidden = self.cross_attention_norm(hidden + self.dropped(attended))
        transformed = self.feed_forward(hidden)
        return self.feed_forward_norm(hidden + self.dropped(transformed))
