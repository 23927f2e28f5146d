"""Layers in sequence."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from blocks.cache import Cache
from blocks.masks import additive


def surviving(layers: nn.ModuleList, layerdrop: float, always: int = 0) -> Iterator[tuple[int, Any]]:
    """Layers and their indices, each skipped in training with probability `layerdrop` (Fan et al. 2020).

    The first `always` layers are never skipped.
    """
    for index, layer in enumerate(layers):
        if not layers.training or index < always or torch.rand(()).item() >= layerdrop:
            yield index, layer


class SelfAttentionStack(nn.ModuleList):
    """Encoder layers, one after another; a layer's address is its index."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers to run, with their indices."""
        return enumerate(self)

    def through(self, hidden: Tensor, mask: Tensor | None, *positions: Tensor) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = keep -> [B, S, D]; layers get `positions` as they are."""
        bias = None if mask is None else additive(mask[:, None, None, :], hidden.dtype)
        for _, layer in self.kept():
            hidden = layer(hidden, bias, *positions)
        return hidden


class EncoderStack(SelfAttentionStack):
    """Layers that know no positions but those in their states."""

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = keep -> [B, S, D]."""
        return self.through(hidden, mask)


class PositionedEncoderStack(SelfAttentionStack):
    """Layers whose attention is told of positions, all of them the same."""

    def forward(self, hidden: Tensor, positions: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], positions as the attention reads them, mask [B, S] with 1 = keep -> [B, S, D]."""
        return self.through(hidden, mask, positions)


class DecoderStack(nn.ModuleList):
    """Decoder layers, one after another, with their cache."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers to run, with their indices."""
        return enumerate(self)

    def new_cache(
        self,
        rows: int,
        length: int,
        source: Tensor | None = None,  # [B, S, source_dim]
        source_mask: Tensor | None = None,  # [B, S], 1 = keep
        beams: int = 1,
    ) -> Cache:
        """An empty cache for `length` tokens in `rows` rows; source states are computed here, once."""
        layers: list[Any] = list(self)
        attention = layers[0].self_attention
        heads, width = attention.heads, attention.q_proj.out_features
        like = next(self.parameters())
        cache = Cache(len(self), rows, heads, length, width // heads, beams, like)
        if source is not None:
            cache.cross = [layer.cross_attention.source_states(source) for layer in layers]
            if source_mask is not None:
                cache.cross_mask = additive(source_mask[:, None, None, :], source.dtype)
        return cache

    def forward(
        self,
        hidden: Tensor,  # [R, T, D]
        source: Tensor,  # [B, S, source_dim]
        source_mask: Tensor | None = None,  # [B, S], 1 = keep
        mask: Tensor | None = None,  # [R, T], 1 = keep; with a cache [R, tokens so far]
        cache: Cache | None = None,
    ) -> Tensor:
        """Decode `hidden` after whatever the cache holds: [R, T, D]."""
        tokens = hidden.shape[1]
        if cache is None:
            slots = None
            visible = torch.ones(tokens, tokens, dtype=torch.bool, device=hidden.device).tril()
            if mask is not None:
                visible = visible & mask.bool()[:, None, None, :]
        else:
            positions = cache.positions(tokens)
            slots = cache.slots(positions)
            visible = cache.self_mask(positions, mask)
        bias = additive(visible, hidden.dtype)

        beams = 1 if cache is None else cache.beams
        cross = None if cache is None else cache.cross
        if cache is not None and cross is not None:
            source_bias = cache.cross_mask
        else:
            source_bias = (
                None if source_mask is None else additive(source_mask[:, None, None, :], hidden.dtype)
            )
        for index, layer in self.kept():
            states = layer.cross_attention.source_states(source) if cross is None else cross[index]
            hidden = layer(hidden, bias, states, source_bias, cache, index, slots, beams)
        if cache is not None:
            cache.advance(tokens)
        return hidden


class LayerDropEncoderStack(EncoderStack):
    """An encoder stack that skips whole layers at random in training."""

    def __init__(self, layers: list[nn.Module], layerdrop: float) -> None:
        super().__init__(layers)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)


class LayerDropPositionedEncoderStack(PositionedEncoderStack):
    """The same, skipping whole layers at random in training, but none of the first `always`."""

    def __init__(self, layers: list[nn.Module], layerdrop: float, always: int) -> None:
        super().__init__(layers)
        self.layerdrop = layerdrop
        self.always = always

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop, self.always)


class LayerDropDecoderStack(DecoderStack):
    """A decoder stack that skips whole layers at random in training."""

    def __init__(self, layers: list[nn.Module], layerdrop: float) -> None:
        super().__init__(layers)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)
