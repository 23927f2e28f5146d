"""What both searches share: running the decoder a step, and knowing which tokens end a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from runtime.generation.interface import Cache, Encoded, Model
from runtime.generation.result import Step

Processor = Callable[[Tensor, Tensor], Tensor]
"""Turns scores [rows, V] into scores, given the sequences so far [rows, length]."""

OnStep = Callable[[Step], object]

DEVICE_LOOK_INTERVAL = 8
"""Steps between two looks at an accelerator's finished flags; a look stalls it, overshoot is trimmed."""


class StepDecoder:
    """Feeds the newest ids of every row to the decoder and returns the scores of the next token."""

    def __init__(self, model: Model, encoded: Encoded, rows: int, beams: int, limit: int) -> None:
        self._decode = model.decode
        self._encoded = encoded
        # The last token of a sequence is never fed back.
        self.cache: Cache = model.new_cache(rows, limit - 1, encoded=encoded, beams=beams)

    def __call__(self, ids: Tensor) -> Tensor:
        """`ids` [rows, T], the ones not fed yet -> float32 logits [rows, V] after the last of them."""
        return self._decode(ids, self._encoded, cache=self.cache)[:, -1].float()


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
