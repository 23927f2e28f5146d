"""The best continuations of a sentence's hypotheses, without sorting the whole vocabulary.

B sentences, W beams, K candidates, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 64
"""Ids whose best stands for them all at first."""


class BestContinuations:
    """The K best of W * V sums, in the order in which `topk` of all of them has them.

    The best of all lie in the blocks whose own best are best: a rounded sum grows with what is added, so
    the best of a block stays its best. One more than K are taken; where no two of their sums are equal,
    nothing that was left out can be among the K. Where two are, `topk` over all decides, as its order of
    equals is its own. To know which it was is to look at the device.
    """

    def __init__(self, beams: int, vocabulary: int, count: int, device: torch.device) -> None:
        self._count = count
        self._blocks = vocabulary // BLOCK
        self.useful = self._blocks * beams >= 4 * (count + 1)
        flat = torch.arange(beams * vocabulary, device=device).view(beams, vocabulary)
        whole = flat[:, : self._blocks * BLOCK]
        self._starts = whole[:, ::BLOCK].flatten()  # [W * blocks]
        self._rest = flat[:, self._blocks * BLOCK :].flatten()
        self._offsets = torch.arange(BLOCK, device=device)
        self._beam_of = flat.new_zeros(flat.shape).add_(torch.arange(beams, device=device)[:, None]).flatten()

    def __call__(self, log_probs: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, bool]:
        """log_probs [B, W, V], to which scores [B, W] are added: sums and places in W * V, each [B, K].

        Also whether no two of the sums are equal; of a few ids, nobody looks.
        """
        if self.useful:
            totals, places = self._by_block(log_probs, scores)
            if not bool((totals[:, 1:] == totals[:, :-1]).any()):
                return totals[:, : self._count], places[:, : self._count], True
        best = (log_probs + scores[:, :, None]).flatten(1).topk(self._count)
        return best.values, best.indices, False

    def _by_block(self, log_probs: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The K + 1 best of the best blocks and of the ids beyond the last whole one, each [B, K + 1]."""
        whole = log_probs[:, :, : self._blocks * BLOCK].view(*log_probs.shape[:2], self._blocks, BLOCK)
        of_blocks = (whole.amax(dim=3) + scores[:, :, None]).flatten(1)  # [B, W * blocks]
        chosen = self._starts[of_blocks.topk(self._count + 1, sorted=False).indices]
        places = (chosen[:, :, None] + self._offsets).flatten(1)
        if len(self._rest):
            places = torch.cat((places, self._rest.expand(len(places), -1)), dim=1)
        sums = log_probs.flatten(1).gather(1, places) + scores.gather(1, self._beam_of[places])
        best = sums.topk(self._count + 1)
        return best.values, places.gather(1, best.indices)
