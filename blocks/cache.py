"""State of incremental decoding."""

import torch
from torch import Tensor

BUCKET = 64


class Cache:
    """Keys and values of every decoder layer, written in place as tokens are decoded.

    Self-attention states of all layers share one tensor, so that reordering beams is one gather.
    Attention reads the filled part rounded up to a bucket: within a bucket every decode step has
    the same shapes. Cross-attention states hold one row a sentence, whatever the number of beams.

    Attributes:
        position: number of tokens decoded so far, on the device (int64 scalar).
        beams: rows a sentence; row = sentence * beams + beam.
        cross: per layer (key, value), each [B, H, S, K], or None when nothing was precomputed.
        cross_mask: additive mask over the source, [B, 1, 1, S], or None.
    """

    def __init__(
        self, layers: int, rows: int, heads: int, length: int, head_width: int, like: Tensor
    ) -> None:
        self.states = like.new_zeros(layers, 2, rows, heads, length, head_width)
        self.position = torch.zeros((), dtype=torch.int64, device=like.device)
        self.indices = torch.arange(length, device=like.device)
        self.capacity = length
        self.filled = 0
        self.visible = 0
        self.beams = 1
        self.cross: list[tuple[Tensor, Tensor]] | None = None
        self.cross_mask: Tensor | None = None

    def reserve(self, tokens: int) -> None:
        """Make room for `tokens` more; raises ValueError past the length asked for."""
        if self.filled + tokens > self.capacity:
            raise ValueError(
                f"the cache holds {self.capacity} tokens; {self.filled} are filled, {tokens} more were given"
            )
        self.filled += tokens
        if self.filled > self.visible:
            self.visible = min(self.capacity, -(-self.filled // BUCKET) * BUCKET)

    def slots(self, tokens: int) -> Tensor:
        """Where the next `tokens` are written: [T] int64."""
        return self.position + self.indices[:tokens]

    def self_mask(self, slots: Tensor) -> Tensor:
        """Which slots each new token may see, itself included: [T, visible] bool."""
        return self.indices[: self.visible] <= slots.unsqueeze(1)

    def write(self, layer: int, slots: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values [R, H, T, K]; return all that may be visible, [R, H, visible, K]."""
        keys, values = self.states[layer, 0], self.states[layer, 1]
        keys.index_copy_(2, slots, key)
        values.index_copy_(2, slots, value)
        return keys[:, :, : self.visible], values[:, :, : self.visible]

    def advance(self, tokens: int) -> None:
        """Move past `tokens` that were just decoded."""
        self.position += tokens

    def reorder(self, parents: Tensor) -> None:
        """Let row r continue the hypothesis of row parents[r], in place; parents is int64 [R].

        Only rows that change their parent are copied, and of those only what is filled.
        """
        moved = (parents != torch.arange(len(parents), device=parents.device)).nonzero().squeeze(1)
        filled = self.states[:, :, :, :, : self.filled]
        filled.index_copy_(2, moved, filled.index_select(2, parents[moved]))
