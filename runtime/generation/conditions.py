"""What must hold at every step, noted on the device: the host learns of it when it looks."""

from __future__ import annotations

import torch
from torch import Tensor

from compiler.diagnostics.model import CrossloomError
from runtime.failures import failure


class Condition:
    """A condition that must hold at every step, and the error that it is when it once did not."""

    def __init__(self, device: torch.device, error: CrossloomError) -> None:
        self.device = device
        self.holds = torch.ones((), dtype=torch.bool, device=device)
        self._error = error

    def note(self, held: Tensor) -> None:
        """Take note of whether it held at a step, a boolean."""
        self.holds &= held

    def look(self) -> None:
        """Raise CrossloomError if it did not hold so far."""
        if not bool(self.holds):
            raise self._error


class FiniteCheck(Condition):
    """Refuses scores that are not finite (XL409): of nan no token is the best, and any looks like it."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(
            device,
            failure(
                "XL409",
                "the model's scores are not finite",
                info=("its weights hold nan, or its numbers outgrow their dtype",),
                help="look for nan in the checkpoint, or load it with `dtype=torch.float32`",
            ),
        )

    def __call__(self, scores: Tensor) -> None:
        """Take note of a step's scores [rows, V]."""
        self.holds &= scores.sum().isfinite()  # a sum is quicker, and no less finite than its terms


class Drawable(Condition):
    """Refuses to draw where no token is left (XL407)."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(
            device,
            failure(
                "XL407",
                "no token is left to draw: the options forbid all of them at some step",
                help="forbid fewer tokens: `bad_words_ids`, `suppress_tokens`, `no_repeat_ngram_size`",
            ),
        )
