"""What both searches share: running the decoder a step, and knowing which tokens end a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from runtime.generation.conditions import Condition, FiniteCheck
from runtime.generation.interface import Cache, Encoded, Model
from runtime.generation.replays import Lend, lend_once
from runtime.generation.result import Step

OnStep = Callable[[Step], object]

DEVICE_LOOK_INTERVAL = 8
"""Steps between two looks at an accelerator's finished flags; a look stalls it, overshoot is trimmed."""


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
        conditions: Sequence[Condition] = (),
    ) -> None:
        """`conditions`: what else has to hold, noted by others."""
        self._decode = model.decode
        self.lend: Lend = getattr(model, "lend_work", lend_once)
        self._encoded = encoded
        self._check = check
        self._conditions = conditions if check is None else (check, *conditions)
        # The last token of a sequence is never fed back.
        self.cache: Cache = model.new_cache(rows, limit - 1, encoded=encoded, beams=beams)

    def __call__(self, ids: Tensor) -> Tensor:
        """`ids` [rows, T], the ones not fed yet -> float32 logits [rows, V] after the last of them."""
        scores = self._decode(ids, self._encoded, cache=self.cache)[:, -1].float()
        if self._check is not None:
            self._check(scores)
        return scores

    def settled(self, done: Tensor) -> bool:
        """Whether `done` (a boolean) holds, asked together with whether all conditions do.

        An accelerator is looked at once. Raises as `Condition.look`.
        """
        for condition in self._conditions:
            done = condition.holds <= done  # of truth values, this is "does not hold, or done"
        if not bool(done):
            return False
        self.finish()
        return True

    def finish(self) -> None:
        """Look once more, at the steps since the last look. Raises as `Condition.look`."""
        for condition in self._conditions:
            condition.look()


class EndTokens:
    """Tells which tokens end a sequence."""

    def __init__(self, ids: Sequence[int], device: torch.device) -> None:
        self.ids, self.count = tuple(ids), len(ids)
        self._only = ids[0] if len(ids) == 1 else None
        self._ids = torch.tensor(ids, dtype=torch.int64, device=device)

    def __call__(self, tokens: Tensor) -> Tensor:
        """A boolean for each token, in its shape."""
        return torch.isin(tokens, self._ids) if self._only is None else tokens == self._only


def look_interval(device: torch.device) -> int:
    """Steps between two looks at whether everything has finished: each one where looking is free."""
    return 1 if device.type == "cpu" else DEVICE_LOOK_INTERVAL
