"""State of incremental decoding."""

import torch
from torch import Tensor

BUCKET = 64


class Cache:
    """Keys and values of every decoder layer, written once as tokens are decoded and never moved.

    There is a slot for every position and beam, those of a position side by side. The beams of a
    sentence read all of its slots, each through a mask that shows those its hypothesis descends from:
    to reorder beams is to reorder that ancestry, a few integers a token. Attention reads the filled
    part rounded up to a bucket, so within a bucket every decode step has the same shapes.
    Cross-attention states hold one row a sentence, whatever the number of beams.

    Attributes:
        states: keys (0) and values (1) of every layer, [layers, 2, B, H, length * beams, K].
        ancestry: the beam whose slot each hypothesis reads at each position, [B, beams, length] int64.
        position: number of tokens decoded so far, on the device (int64 scalar).
        beams: rows a sentence; row = sentence * beams + beam.
        cross: per layer (key, value), each [B, H, S, K], or None when nothing was precomputed.
        cross_mask: additive mask over the source, [B, 1, 1, S], or None.
    """

    def __init__(
        self, layers: int, rows: int, heads: int, length: int, head_width: int, beams: int, like: Tensor
    ) -> None:
        device = like.device
        self.states = like.new_zeros(layers, 2, rows // beams, heads, length * beams, head_width)
        self.ancestry = torch.zeros(rows // beams, beams, length, dtype=torch.int64, device=device)
        self.position = torch.zeros((), dtype=torch.int64, device=device)
        self.indices = torch.arange(max(length, beams), device=device)
        self.capacity = length
        self.filled = 0
        self.visible = 0
        self.beams = beams
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

    def positions(self, tokens: int) -> Tensor:
        """Positions of the next `tokens`: [T] int64."""
        return self.position + self.indices[:tokens]

    def slots(self, positions: Tensor) -> Tensor:
        """Where the beams of a sentence write their tokens at `positions` [T]: [T * beams] int64."""
        beams = self.indices[: self.beams]
        own = beams[:, None].expand(len(self.ancestry), self.beams, len(positions))
        self.ancestry.index_copy_(2, positions, own)
        return (positions[:, None] * self.beams + beams).flatten()

    def self_mask(self, positions: Tensor, keep: Tensor | None = None) -> Tensor:
        """Which slots the tokens at `positions` [T] may see, their own among them, as booleans.

        `keep` [R, tokens so far], with 1 = keep, hides tokens of a row's own hypothesis.
        Returns [B, 1, beams * T, visible * beams], or [T, visible] where that says it all.
        """
        seen = self.indices[: self.visible] <= positions[:, None]  # [T, visible]
        if self.beams == 1 and keep is None:
            return seen
        seen = seen[None, None, :, :]
        if keep is not None:
            kept = torch.nn.functional.pad(keep, (0, self.visible - keep.shape[1])).bool()
            seen = seen & kept.view(-1, self.beams, 1, self.visible)
        descends = self.ancestry[:, :, : self.visible, None] == self.indices[: self.beams]
        return (seen[..., None] & descends[:, :, None]).flatten(3, 4).flatten(1, 2).unsqueeze(1)

    def write(self, layer: int, slots: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values [R, H, T, K]; return a sentence's, [B, H, visible * beams, K]."""
        by_beam = torch.stack((key, value)).to(self.states.dtype).view(2, -1, self.beams, *key.shape[1:])
        self.states[layer].index_copy_(3, slots, by_beam.permute(0, 1, 3, 4, 2, 5).flatten(3, 4))
        keys, values = self.states[layer, :, :, :, : self.visible * self.beams]
        return keys, values

    def advance(self, tokens: int) -> None:
        """Move past `tokens` that were just decoded."""
        self.position += tokens

    def reorder(self, parents: Tensor) -> None:
        """Let row r continue the hypothesis of row parents[r] of its sentence; parents is int64 [R]."""
        self.ancestry.copy_(self.ancestry.flatten(0, 1)[parents].view_as(self.ancestry))
