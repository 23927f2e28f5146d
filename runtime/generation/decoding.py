"""What both searches share: running the decoder a step, and knowing which tokens end a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from runtime.failures import failure
from runtime.generation.interface import Cache, Encoded, Model
from runtime.generation.result import Step

Processor = Callable[[Tensor, Tensor], Tensor]
"""Turns scores [rows, V] into scores, given the sequences so far [rows, length]."""

OnStep = Callable[[Step], object]

DEVICE_LOOK_INTERVAL = 8
"""Steps between two looks at an accelerator's finished flags; a look stalls it, overshoot is trimmed."""


class FiniteCheck:
    """Refuses scores that are not finite: of nan no token is the best, and any choice would look like one."""

    def __init__(self, device: torch.device, at_once: bool = False) -> None:
        """`at_once`: before a step's scores are used, and not when the search looks at the device anyway."""
        self.finite = torch.ones((), dtype=torch.bool, device=device)
        self._at_once = at_once

    def __call__(self, scores: Tensor) -> None:
        """Take note of a step's scores [rows, V]."""
        self.finite &= scores.sum().isfinite()  # a sum is quicker, and no less finite than its terms
        if self._at_once:
            self.look()

    def look(self) -> None:
        """Raise CrossloomError (XL409) if any scores so far were not finite."""
        if not bool(self.finite):
            raise failure(
                "XL409",
                "the model's scores are not finite",
                info=("its weights hold nan, or its numbers outgrow their dtype",),
                help="look for nan in the checkpoint, or load it with `dtype=torch.float32`",
            )


class StepDecoder:
    """Feeds the newest ids of every row to the decoder and returns the scores of the next token."""

    def __init__(
        self,
        model: Model,
        encoded: Encoded,
        rows: int,
        beams: int,
        limit: int,
        check: FiniteCheck | None = None,
    ) -> None:
        self._decode = model.decode
        self._encoded = encoded
        self._check = check
        # The last token of a sequence is never fed back.
        self.cache: Cache = model.new_cache(rows, limit - 1, encoded=encoded, beams=beams)

    def __call__(self, ids: Tensor) -> Tensor:
        """`ids` [rows, T], the ones not fed yet -> float32 logits [rows, V] after the last of them."""
        scores = self._decode(ids, self._encoded, cache=self.cache)[:, -1].float()
        if self._check is not None:
            self._check(scores)
        return scores

    def settled(self, done: Tensor) -> bool:
        """Whether `done` (a boolean) holds, asked together with whether all scores were finite.

        An accelerator is looked at once. Raises as `FiniteCheck.look`.
        """
        if self._check is None:
            return bool(done)
        if not bool(self._check.finite <= done):  # of truth values, this is "not finite, or done"
            return False
        self._check.look()
        return True

    def finish(self) -> None:
        """Look once more, at the steps since the last look. Raises as `FiniteCheck.look`."""
        if self._check is not None:
            self._check.look()


class EndTokens:
    """Tells which tokens end a sequence."""

    def __init__(self, ids: Sequence[int], device: torch.device) -> None:
        self.count = len(ids)
        self._only = ids[0] if len(ids) == 1 else None
        self._ids = torch.tensor(ids, dtype=torch.int64, device=device)

    def __call__(self, tokens: Tensor) -> Tensor:
        """A boolean for each token, in its shape."""
        return torch.isin(tokens, self._ids) if self._only is None else tokens == self._only


def look_interval(device: torch.device) -> int:
    """Steps between two looks at whether everything has finished: each one where looking is free."""
    return 1 if device.type == "cpu" else DEVICE_LOOK_INTERVAL
