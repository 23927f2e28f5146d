"""Beam search and beam sampling over tensors, with the bookkeeping of transformers 5.

B sentences, W beams, K candidates a step, V vocabulary, L longest sequence. Rows are batch-major:
row = sentence * W + beam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from runtime.generation.best import BestContinuations
from runtime.generation.chain import Chain
from runtime.generation.decoding import EndTokens, OnStep, StepDecoder, look_interval
from runtime.generation.result import Generated, Step

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

    def __init__(self, tables: Sequence[Tensor], prompt_length: int, settings: BeamSettings) -> None:
        self._settings, self._prompt_length = settings, prompt_length
        beams = settings.beams
        self.tables = [table.view(-1, beams, settings.limit) for table in tables]
        batch, device = len(self.tables[0]), self.tables[0].device
        self.scores = torch.full((batch, beams), IMPOSSIBLE, device=device)
        self.lengths = torch.full((batch, beams), prompt_length, device=device)
        self.taken = torch.zeros((batch, beams), dtype=torch.bool, device=device)
        # Whether a running hypothesis may still beat a finished one; once false, it stays false.
        self.improvable = torch.ones((batch, 1), dtype=torch.bool, device=device)
        self._places = torch.arange(beams, device=device).expand(batch, beams)

    def offer(self, candidates: Candidates, running: Sequence[Tensor], length: int) -> None:
        """Rank the candidates that just ended among those already here.

        Only the first W candidates count: the others are there to run on. `running` are the histories
        [rows, L] that they continue in column `length`.
        """
        beams = self._settings.beams
        totals, parents, values, ended = candidates
        eligible = ended.clone()
        eligible[:, beams:] = False
        scores = totals / (length + 1 - self._prompt_length) ** self._settings.length_penalty
        if self._settings.early_stopping is True:
            scores = scores + self.taken.all(dim=1, keepdim=True) * IMPOSSIBLE
        scores = scores + ~self.improvable * IMPOSSIBLE + ~eligible * IMPOSSIBLE

        merged = torch.cat((self.scores, scores), dim=1)  # [B, W + K]
        best = merged.topk(beams).indices  # [B, W]
        self.scores = merged.gather(1, best)
        self.taken = torch.cat((self.taken, eligible), dim=1).gather(1, best)
        lengths = torch.full_like(parents, length + 1)
        self.lengths = torch.cat((self.lengths, lengths), dim=1).gather(1, best)
        origins = torch.cat((self._places, beams + parents), dim=1).gather(1, best)
        for index, (table, history, value) in enumerate(zip(self.tables, running, values, strict=True)):
            pool = torch.cat((table, history.view_as(table)), dim=1)  # [B, 2W, L]
            chosen = pool.gather(1, origins[:, :, None].expand_as(table))
            chosen[:, :, length] = torch.cat((table[:, :, length], value), dim=1).gather(1, best)
            self.tables[index] = chosen

    def weigh(self, best_running: Tensor, length: int) -> None:
        """Note which sentences cannot improve, given their best running score [B, 1].

        With a positive length penalty a longer hypothesis may score better than it does now;
        `early_stopping="never"` takes the longest possible, otherwise the present length stands.
        """
        settings = self._settings
        reach = length
        if settings.early_stopping == "never" and settings.length_penalty > 0:
            reach = settings.limit
        possible = best_running / (reach - self._prompt_length) ** settings.length_penalty
        # While a place is free the worst score is impossible, and anything improves on it.
        self.improvable &= possible > self.scores.amin(dim=1, keepdim=True)

    def complete(self) -> Tensor:
        """Whether no sentence can gain anything from another step, as a boolean scalar."""
        nothing_left = ~self.improvable.any()
        if self._settings.early_stopping is True:
            return nothing_left | self.taken.all()
        return nothing_left

    def best(self) -> Generated:
        """The sequences to return, cut to the longest of them."""
        returned = self._settings.returned
        length = int(self.lengths[:, :returned].max())
        tables = [table[:, :returned, :length].flatten(0, 1) for table in self.tables]
        scores = self.scores[:, :returned].flatten()
        return Generated(
            tables[0], scores, tables[1] if len(tables) > 1 else scores.new_zeros((len(scores), 0))
        )


class BeamState:
    """The running hypotheses of every sentence, and the finished ones.

    All hypotheses start equal, so only the first beam of a sentence starts with a possible score.
    """

    def __init__(self, prefix: Tensor, settings: BeamSettings, ends: EndTokens) -> None:
        self._settings, self._ends = settings, ends
        rows, self.length = prefix.shape
        beams, device = settings.beams, prefix.device
        sequences = prefix.new_full((rows, settings.limit), settings.fill)
        sequences[:, : self.length] = prefix
        self._tables = [sequences]
        if settings.keep_token_scores:
            self._tables.append(torch.zeros((rows, settings.limit), device=device))
        self._first_rows = torch.arange(0, rows, beams, device=device)[:, None]
        self.scores = torch.full((rows // beams, beams), IMPOSSIBLE, device=device)  # [B, W]
        self.scores[:, 0] = 0.0
        self.finished = FinishedHypotheses(self._tables, self.length, settings)
        # So many that W are left to run on even if every beam's best continuations are its end tokens.
        self._candidates = max(2, 1 + ends.count) * beams
        self._best: BestContinuations | None = None
        # Asking whether anything ended stalls an accelerator, so there every step does all the work.
        self._may_ask = look_interval(device) == 1
        self._any_finished = not self._may_ask
        self._incomplete = torch.zeros((), dtype=torch.bool, device=device)

    @property
    def sequences(self) -> Tensor:
        """The running sequences, [rows, L], of which `length` columns are written."""
        return self._tables[0]

    @property
    def newest(self) -> Tensor:
        """The last token of every running sequence, [rows, 1]."""
        return self._tables[0][:, self.length - 1 : self.length]

    def advance(self, log_probs: Tensor) -> Tensor:
        """Extend every sentence's hypotheses by one token, given log-probabilities [rows, V].

        Returns the parents [rows]: the row whose hypothesis each row now continues.
        """
        beams, vocabulary = self._settings.beams, log_probs.shape[1]
        by_sentence = log_probs.view(-1, beams, vocabulary)
        totals, flat, distinct = self._pick(by_sentence)  # [B, K]
        parents = flat.div(vocabulary, rounding_mode="floor")
        values = [flat - parents * vocabulary]  # the tokens
        if self._settings.keep_token_scores:
            values.append(by_sentence.flatten(1).gather(1, flat))

        at_limit = self.length + 1 == self._settings.limit
        ended = torch.ones_like(flat, dtype=torch.bool) if at_limit else self._ends(values[0])
        if not self._may_ask or bool(ended.any()):
            self._any_finished = True
            self.finished.offer(Candidates(totals, parents, values, ended), self._tables, self.length)
        elif distinct:  # the best run on, and they come first
            return self._run_on(totals[:, :beams], parents[:, :beams], [v[:, :beams] for v in values])
        totals = totals + ended * IMPOSSIBLE
        kept = totals.topk(beams).indices  # [B, W]
        return self._run_on(
            totals.gather(1, kept), parents.gather(1, kept), [v.gather(1, kept) for v in values]
        )

    def _run_on(self, totals: Tensor, parents: Tensor, values: list[Tensor]) -> Tensor:
        """Let these [B, W] be the running hypotheses; returns the rows that each continues, [rows]."""
        self.scores = totals
        rows = (parents + self._first_rows).flatten()
        for index, value in enumerate(values):
            table = self._tables[index].index_select(0, rows)
            table[:, self.length] = value.flatten()
            self._tables[index] = table
        self.length += 1
        if self._any_finished:
            self.finished.weigh(self.scores[:, :1], self.length)
        return rows

    def complete(self) -> Tensor:
        """Whether to stop before the limit, as a boolean scalar."""
        return self.finished.complete() if self._any_finished else self._incomplete

    def _pick(self, log_probs: Tensor) -> tuple[Tensor, Tensor, bool]:
        """K continuations by log_probs [B, W, V]: scores, places in W * V, and as `BestContinuations`."""
        draw = self._settings.draw
        if draw is not None:
            totals = (log_probs + self.scores[:, :, None]).flatten(1)
            places = draw(totals, self._candidates)
            return totals.gather(1, places), places, False
        if self._best is None:
            _, beams, vocabulary = log_probs.shape
            self._best = BestContinuations(beams, vocabulary, self._candidates, log_probs.device)
        return self._best(log_probs, self.scores)


def search_beams(
    decoder: StepDecoder,
    prefix: Tensor,
    settings: BeamSettings,
    *,
    chain: Chain,
    ends: EndTokens,
    on_step: OnStep | None = None,
) -> Generated:
    """Search from `prefix` [rows, P], where the W rows of a sentence are equal."""
    state = BeamState(prefix, settings, ends)
    interval = look_interval(prefix.device)
    newest = prefix
    for step in range(1, settings.limit - prefix.shape[1] + 1):
        scores = decoder(newest).log_softmax(dim=-1)
        parents = state.advance(chain(scores, state.sequences, state.length))
        newest = state.newest
        if on_step is not None:
            on_step(Step(state.length, settings.limit, newest[:, 0]))
        if state.length == settings.limit or (step % interval == 0 and decoder.settled(state.complete())):
            break
        decoder.cache.reorder(parents)
    return state.finished.best()
