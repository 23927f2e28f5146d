"""Layers that end with a small network, trained for a task or a language (Houlsby et al. 2019)."""

from torch import Tensor, nn

from blocks.layers import PreNormEncoderLayer


class AdaptedPreNormEncoderLayer(PreNormEncoderLayer):
    """A layer, then x += Adapter(norm(x))."""

    def __init__(
        self,
        self_attention_norm: nn.Module,
        self_attention: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        adapter_norm: nn.Module,
        adapter: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__(self_attention_norm, self_attention, feed_forward_norm, feed_forward, dropout)
        self.adapter_norm = adapter_norm
        self.adapter = adapter

    def forward(self, hidden: Tensor, mask: Tensor | None = None, *positions: Tensor) -> Tensor:
        """hidden [B, S, D], additive mask [B, 1, 1, S], what attention knows of positions -> [B, S, D]."""
        hidden = super().forward(hidden, mask, *positions)
        return hidden + self.adapter(self.adapter_norm(hidden))
