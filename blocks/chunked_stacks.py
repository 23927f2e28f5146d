"""Layers that attend by chunks of positions, to their own and to some before (Barrault et al. 2023)."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from blocks.stacks import SelfAttentionStack, surviving


def within_chunks(length: int, chunk: int, left_chunks: int, device: torch.device) -> Tensor:
    """Which pairs of `length` positions attend, query before key: [length, length] bool.

    A query attends to its own chunk and to `left_chunks` before it, to all before it if they are negative.
    """
    chunks = torch.arange(length, device=device) // chunk
    behind = chunks.unsqueeze(1) - chunks
    return (behind >= 0) & ((behind <= left_chunks) | (left_chunks < 0))


class ChunkedEncoderStack(SelfAttentionStack):
    """Layers that are told which pairs of positions attend, and which positions are padding.

    Pairs are told by truth values. Of a query that sees nothing attention without positions makes zeros then,
    as published.
    """

    def __init__(self, layers: list[nn.Module], chunk: int, left_chunks: int) -> None:
        super().__init__(layers)
        self.chunk = chunk
        self.left_chunks = left_chunks

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = keep -> [B, S, D]."""
        visible = within_chunks(hidden.shape[1], self.chunk, self.left_chunks, hidden.device)[None, None]
        if mask is not None:
            visible = visible & mask.bool()[:, None, None, :]
        for _, layer in self.kept():
            hidden = layer(hidden, visible, mask)
        return hidden


class LayerDropChunkedEncoderStack(ChunkedEncoderStack):
    """The same, skipping whole layers at random in training."""

    def __init__(self, layers: list[nn.Module], chunk: int, left_chunks: int, layerdrop: float) -> None:
        super().__init__(layers, chunk, left_chunks)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)
