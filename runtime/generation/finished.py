"""The hypotheses of a beam search that have ended, ranked, with the bookkeeping of transformers 5.

B sentences, W beams, K candidates a step, L longest sequence. Tensors stay where they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from runtime.generation.result import Generated

IMPOSSIBLE = -1.0e9
"""Added to a score that must not win. Finite, so that what is left can still be ranked."""


@dataclass(frozen=True, slots=True)
class BeamSettings:
    """What a beam search is asked for, apart from the scores.

    `draw` picks K of the candidates at random; None takes the K best.
    """

    beams: int
    returned: int
    limit: int
    fill: int
    length_penalty: float
    early_stopping: bool | Literal["never"]
    draw: Callable[[Tensor, int], Tensor] | None = None
    keep_token_scores: bool = False


class Candidates(NamedTuple):
    """The best continuations of a sentence's hypotheses, each [B, K], best first.

    `totals` are sums of log-probabilities; `parents` the beams they continue; `values` what they
    append to each history; `ended` whether they end there.
    """

    totals: Tensor
    parents: Tensor
    values: list[Tensor]
    ended: Tensor


class FinishedHypotheses:
    """The W best finished hypotheses of every sentence, best first.

    `tables` are histories [B, W, L]: the token ids and, if kept, the token scores. Places not yet
    taken have an impossible score.
    """

    def __init__(self, running: Sequence[Tensor], prompt_length: int, settings: BeamSettings) -> None:
        """`running`: the histories [rows, L] that all start from, whose first `prompt_length` were given."""
        self._settings = settings
        beams = settings.beams
        self.tables = [table.view(-1, beams, settings.limit).clone() for table in running]
        batch, device = len(self.tables[0]), self.tables[0].device
        self.scores = torch.empty((batch, beams), device=device)
        self.lengths = torch.empty((batch, beams), dtype=torch.int64, device=device)
        self.taken = torch.empty((batch, beams), dtype=torch.bool, device=device)
        # Whether a running hypothesis may still beat a finished one; once false, it stays false.
        self.improvable = torch.empty((batch, 1), dtype=torch.bool, device=device)
        self._places = torch.arange(beams, device=device).expand(batch, beams)
        self._divisors = torch.tensor(
            [_divisor(length, prompt_length, settings) for length in range(settings.limit + 1)], device=device
        )
        never = settings.early_stopping == "never" and settings.length_penalty > 0
        self._reaches = self._divisors[-1:].expand_as(self._divisors) if never else self._divisors
        self.restart(running, prompt_length)

    @property
    def state(self) -> list[Tensor]:
        """What changes, in place."""
        return [*self.tables, self.scores, self.lengths, self.taken, self.improvable]

    def restart(self, running: Sequence[Tensor], prompt_length: int) -> None:
        """Forget all that has finished."""
        for table, history in zip(self.tables, running, strict=True):
            table.copy_(history.view_as(table))
        self.scores.fill_(IMPOSSIBLE)
        self.lengths.fill_(prompt_length)
        self.taken.fill_(False)
        self.improvable.fill_(True)

    def offer(self, candidates: Candidates, running: Sequence[Tensor], column: Tensor) -> None:
        """Rank the candidates that just ended among those already here.

        Only the first W candidates count: the others are there to run on. `running` are the histories
        [rows, L] that they continue in a column, [1].
        """
        beams = self._settings.beams
        totals, parents, values, ended = candidates
        eligible = ended.clone()
        eligible[:, beams:] = False
        length = column + 1
        scores = totals / self._divisors.index_select(0, length)
        if self._settings.early_stopping is True:
            scores = scores + self.taken.all(dim=1, keepdim=True) * IMPOSSIBLE
        scores = scores + ~self.improvable * IMPOSSIBLE + ~eligible * IMPOSSIBLE

        merged = torch.cat((self.scores, scores), dim=1)  # [B, W + K]
        best = merged.topk(beams).indices  # [B, W]
        self.scores.copy_(merged.gather(1, best))
        self.taken.copy_(torch.cat((self.taken, eligible), dim=1).gather(1, best))
        self.lengths.copy_(torch.cat((self.lengths, length.expand_as(parents)), dim=1).gather(1, best))
        origins = torch.cat((self._places, beams + parents), dim=1).gather(1, best)
        for table, history, value in zip(self.tables, running, values, strict=True):
            pool = torch.cat((table, history.view_as(table)), dim=1)  # [B, 2W, L]
            chosen = pool.gather(1, origins[:, :, None].expand_as(table))
            written = torch.cat((table.index_select(2, column)[:, :, 0], value), dim=1).gather(1, best)
            table.copy_(chosen).index_copy_(2, column, written[:, :, None])

    def weigh(self, best_running: Tensor, length: Tensor) -> None:
        """Note which sentences cannot improve, given their best running score [B, 1] at a length, [1].

        With a positive length penalty a longer hypothesis may score better than it does now;
        `early_stopping="never"` takes the longest possible, otherwise the present length stands.
        """
        possible = best_running / self._reaches.index_select(0, length)
        # While a place is free the worst score is impossible, and anything improves on it.
        self.improvable &= possible > self.scores.amin(dim=1, keepdim=True)

    def complete(self) -> Tensor:
        """Whether no sentence can gain anything from another step, as a boolean scalar."""
        nothing_left = ~self.improvable.any()
        if self._settings.early_stopping is True:
            return nothing_left | self.taken.all()
        return nothing_left

    def best(self) -> Generated:
        """The sequences to return, cut to the longest of them, in memory of their own."""
        returned = self._settings.returned
        length = int(self.lengths[:, :returned].max())
        tables = [table[:, :returned, :length].flatten(0, 1).clone() for table in self.tables]
        scores = self.scores[:, :returned].flatten().clone()
        return Generated(
            tables[0], scores, tables[1] if len(tables) > 1 else scores.new_zeros((len(scores), 0))
        )


def _divisor(length: int, prompt_length: int, settings: BeamSettings) -> float:
    """What the score of so many tokens, of which a prompt counts nothing, is divided by."""
    try:
        return float(max(1, length - prompt_length) ** settings.length_penalty)
    except OverflowError:
        return math.inf
