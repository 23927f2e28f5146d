"""The tokens so far, in a table whose shape is the same at every step."""

from __future__ import annotations

import torch
from torch import Tensor


class Sequences:
    """`ids` [rows, L], a table as long as sequences may get, of which `length` [1] columns are written.

    `written` [L] tells which. How far it is written is a number on the device, so what reads it has one
    shape at all steps and waits for nothing.
    """

    def __init__(self, limit: int, device: torch.device) -> None:
        """For sequences of at most `limit` tokens, L."""
        self.ids = torch.empty((0, limit), dtype=torch.int64, device=device)
        self.length = torch.zeros(1, dtype=torch.int64, device=device)
        self.written = torch.zeros(limit, dtype=torch.bool, device=device)
        self._places = torch.arange(limit, device=device)

    def read(self, ids: Tensor, length: int) -> None:
        """Take a table [rows, L] with `length` columns written."""
        self.ids = ids
        self.length.fill_(length)
        self.mark()

    def mark(self) -> None:
        """Make `written` say what `length` does."""
        torch.lt(self._places, self.length, out=self.written)

    def last(self, places: Tensor) -> Tensor:
        """The tokens at places counted from the end, -1 the newest: [n] -> [rows, n].

        Before the first token the first stands.
        """
        return self.ids.index_select(1, (self.length + places).clamp_(min=0))
