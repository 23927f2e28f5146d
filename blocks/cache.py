"""State of incremental decoding."""

import torch
from torch import Tensor

BUCKET = 64


class Cache:
    """Keys and values of every decoder layer, each written once as its token is decoded.

    They stand in slots, those of the beams of a sentence side by side. The beams read all slots of
    their sentence, each through a mask that shows those its hypothesis descends from: to reorder beams
    is to reorder that lineage, a boolean a slot. Hypotheses soon share most of what they descend from,
    so before more slots would have to be read, those that none descends from are given up. Attention
    reads the used part rounded up to a bucket, so within a bucket every decode step has the same shapes.
    Cross-attention states hold one row a sentence, whatever the number of beams.

    Attributes:
        keys, values: of every layer, each [B, H, length * beams, K]; apart, so that a compiled step writes
            to them in place.
        lineage: whether each hypothesis descends from a slot's token, [B, beams, length * beams]; of one
            beam, which descends from all, nothing is noted.
        places: the position of each slot's token, [B, length * beams] int64; of several beams as well.
        position: number of tokens decoded so far, on the device (int64 scalar).
        cursor: number of slots used so far, on the device (int64 scalar).
        filled: number of tokens decoded or reserved for.
        used: the same in slots.
        visible: number of slots that attention reads.
        beams: rows a sentence; row = sentence * beams + beam.
        cross: per layer (key, value), each [B, H, S, K], or None when nothing was precomputed.
        cross_mask: additive mask over the source, [B, 1, 1, S], or None.
    """

    def __init__(
        self, layers: int, rows: int, heads: int, length: int, head_width: int, beams: int, like: Tensor
    ) -> None:
        device = like.device
        # One more than is ever read: a step that is exported for a part of the slots serves no other case.
        batch, slots = rows // beams, length * beams + 1
        self.keys = [like.new_zeros(batch, heads, slots, head_width) for _ in range(layers)]
        self.values = [like.new_zeros(batch, heads, slots, head_width) for _ in range(layers)]
        self.lineage = torch.zeros(batch, beams, slots, dtype=torch.bool, device=device)
        self.places = torch.zeros(batch, slots, dtype=torch.int64, device=device)
        self.position = torch.zeros((), dtype=torch.int64, device=device)
        self.cursor = torch.zeros((), dtype=torch.int64, device=device)
        self.indices = torch.arange(slots, device=device)
        self.capacity = length
        self.filled = 0
        self.used = 0
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
        self.used += tokens * self.beams
        if self.used > self.visible:
            self.visible = min(self.capacity * self.beams, -(-self.used // BUCKET) * BUCKET)

    def positions(self, tokens: int) -> Tensor:
        """Positions of the next `tokens`: [T] int64."""
        return self.position + self.indices[:tokens]

    def slots(self, positions: Tensor) -> Tensor:
        """Where the beams of a sentence write their tokens at `positions` [T]: [T * beams] int64."""
        if self.beams == 1:
            return positions
        slots = self.cursor + self.indices[: len(positions) * self.beams]
        beams = self.indices[: self.beams]
        own = (beams[:, None] == beams).repeat(1, len(positions))
        self.lineage.index_copy_(2, slots, own.expand(len(self.lineage), -1, -1))
        places = positions.repeat_interleave(self.beams)
        self.places.index_copy_(1, slots, places.expand(len(self.places), -1))
        return slots

    def self_mask(self, positions: Tensor, keep: Tensor | None = None) -> Tensor:
        """Which slots the tokens at `positions` [T] may see, their own among them, as booleans.

        `keep` [R, tokens so far], with 1 = keep, hides tokens of a row's own hypothesis.
        Returns [B, 1, beams * T, visible], or [T, visible] where that says it all.
        """
        if self.beams == 1:
            seen = self.indices[: self.visible] <= positions[:, None]  # [T, visible]
            if keep is None:
                return seen
            kept = torch.nn.functional.pad(keep, (0, self.visible - keep.shape[1])).bool()
            return seen & kept[:, None, None, :]
        seen = self.lineage[:, :, None, : self.visible]  # [B, beams, 1, visible]
        places = self.places[:, None, None, : self.visible]
        if len(positions) > 1:
            seen = seen & (places <= positions[:, None])
        if keep is not None:
            kept = keep.view(-1, self.beams, 1, keep.shape[1]).bool()
            own = places.clamp(max=keep.shape[1] - 1).expand(-1, self.beams, 1, -1)
            seen = seen & kept.gather(3, own)
        return seen.flatten(1, 2).unsqueeze(1)

    def write(self, layer: int, slots: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values [R, H, T, K]; return a sentence's, [B, H, visible, K]."""
        keys, values = self.keys[layer], self.values[layer]
        keys.index_copy_(2, slots, self._by_slot(key.to(keys.dtype)))
        values.index_copy_(2, slots, self._by_slot(value.to(values.dtype)))
        return keys[:, :, : self.visible], values[:, :, : self.visible]

    def _by_slot(self, states: Tensor) -> Tensor:
        """[R, H, T, K] -> [B, H, T * beams, K]."""
        if self.beams == 1:
            return states
        _, heads, tokens, width = states.shape
        by_beam = states.view(-1, self.beams, heads, tokens, width)
        return by_beam.permute(0, 2, 3, 1, 4).reshape(-1, heads, tokens * self.beams, width)

    def advance(self, tokens: int) -> None:
        """Move past `tokens` that were just decoded."""
        self.position += tokens
        self.cursor += tokens * self.beams

    def reorder(self, parents: Tensor) -> None:
        """Let row r continue the hypothesis of row parents[r] of its sentence; parents is int64 [R]."""
        if self.beams == 1:  # whose only row continues itself
            return
        used = self.lineage[:, :, : self.used]
        used.copy_(used.flatten(0, 1)[parents].view_as(used))
        # An accelerator would have to be waited for to tell how many they are, and reads all of them sooner.
        if self.used + self.beams > self.visible and self.cursor.is_cpu:
            self._give_up_slots()

    def _give_up_slots(self) -> None:
        """Move the slots that a hypothesis descends from to the front, if that makes room to speak of."""
        live = self.lineage[:, :, : self.used].any(dim=1)  # [B, used]
        count = int(live.sum(dim=1).amax())
        if self.visible - count < max(self.beams, self.visible // 4):
            return
        order = live.int().argsort(dim=1, descending=True, stable=True)[:, :count]
        for states in (*self.keys, *self.values):
            chosen = order[:, None, :, None].expand(-1, states.shape[1], -1, states.shape[3])
            states[:, :, :count] = states.gather(2, chosen)
        self.places[:, :count] = self.places.gather(1, order)
        self.lineage[:, :, :count] = self.lineage.gather(2, order[:, None].expand(-1, self.beams, -1))
        self.lineage[:, :, count:] = False
        self.cursor.fill_(count)
        self.used = count
