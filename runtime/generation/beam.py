"""Beam search and beam sampling over tensors, with the bookkeeping of transformers 5.

B sentences, W beams, K candidates a step, V vocabulary, L longest sequence. Rows are batch-major:
row = sentence * W + beam.
"""

from __future__ import annotations

import torch
from torch import Tensor

from runtime.generation.best import BestContinuations
from runtime.generation.chain import Chain
from runtime.generation.decoding import EndTokens, OnStep, StepDecoder, look_interval
from runtime.generation.finished import IMPOSSIBLE, BeamSettings, Candidates, FinishedHypotheses
from runtime.generation.replays import Rank, lend_once
from runtime.generation.result import Generated, Step


class BeamState:
    """The running hypotheses of every sentence, and the finished ones, in tensors that stay where they are.

    All hypotheses start equal, so only the first beam of a sentence starts with a possible score.
    """

    def __init__(self, prefix: Tensor, settings: BeamSettings, ends: EndTokens) -> None:
        self._settings, self._ends = settings, ends
        rows, self.length = prefix.shape
        beams, device = settings.beams, prefix.device
        self._tables = [prefix.new_full((rows, settings.limit), settings.fill)]
        if settings.keep_token_scores:
            self._tables.append(torch.zeros((rows, settings.limit), device=device))
        self._first_rows = torch.arange(0, rows, beams, device=device)[:, None]
        self.scores = torch.empty((rows // beams, beams), device=device)  # [B, W]
        self._parents = torch.arange(rows, device=device)
        self._column = torch.empty(1, dtype=torch.int64, device=device)  # the next one, which is the length
        self.finished = FinishedHypotheses(self._tables, self.length, settings)
        # So many that W are left to run on even if every beam's best continuations are its end tokens.
        self._candidates = max(2, 1 + ends.count) * beams
        self._best: BestContinuations | None = None
        # Asking whether anything ended stalls an accelerator, so there every step does all the work.
        self._may_ask = look_interval(device) == 1
        self._any_finished = not self._may_ask
        self._incomplete = torch.zeros((), dtype=torch.bool, device=device)
        self.restart(prefix)

    def restart(self, prefix: Tensor) -> None:
        """Begin with another prefix [rows, P] of the same size."""
        self.length = prefix.shape[1]
        self._tables[0].fill_(self._settings.fill)[:, : self.length] = prefix
        for table in self._tables[1:]:
            table.zero_()
        self.scores.fill_(IMPOSSIBLE)[:, 0] = 0.0
        self._column.fill_(self.length)
        self.finished.restart(self._tables, self.length)
        self._any_finished = not self._may_ask

    @property
    def state(self) -> list[Tensor]:
        """What `rank` changes, in place."""
        return [*self._tables, self.scores, self._parents, self._column, *self.finished.state]

    @property
    def sequences(self) -> Tensor:
        """The running sequences, [rows, L], of which `length` columns are written."""
        return self._tables[0]

    @property
    def newest(self) -> Tensor:
        """The last token of every running sequence, [rows, 1]."""
        return self._tables[0][:, self.length - 1 : self.length]

    def advance(self, log_probs: Tensor, rank: Rank | None = None) -> Tensor:
        """Extend every sentence's hypotheses by one token, given log-probabilities [rows, V].

        `rank` does, but for the last token, what the method of the name does. Returns the parents [rows]: the
        row whose hypothesis each row now continues.
        """
        is_last = self.length + 1 == self._settings.limit
        if rank is None or is_last:
            self.rank(log_probs, is_last)
        else:
            rank(log_probs)
        self.length += 1
        return self._parents

    def rank(self, log_probs: Tensor, is_last: bool = False) -> None:
        """Do what of a step is on the device, given [rows, V]; after the last, all hypotheses have ended."""
        beams, vocabulary = self._settings.beams, log_probs.shape[1]
        by_sentence = log_probs.view(-1, beams, vocabulary)
        totals, flat, distinct = self._pick(by_sentence)  # [B, K]
        parents = flat.div(vocabulary, rounding_mode="floor")
        values = [flat - parents * vocabulary]  # the tokens
        if self._settings.keep_token_scores:
            values.append(by_sentence.flatten(1).gather(1, flat))

        ended = torch.ones_like(flat, dtype=torch.bool) if is_last else self._ends(values[0])
        if not self._may_ask or bool(ended.any()):
            self._any_finished = True
            self.finished.offer(Candidates(totals, parents, values, ended), self._tables, self._column)
        elif distinct:  # the best run on, and they come first
            self._run_on(totals[:, :beams], parents[:, :beams], [v[:, :beams] for v in values])
            return
        totals = totals + ended * IMPOSSIBLE
        kept = totals.topk(beams).indices  # [B, W]
        self._run_on(totals.gather(1, kept), parents.gather(1, kept), [v.gather(1, kept) for v in values])

    def _run_on(self, totals: Tensor, parents: Tensor, values: list[Tensor]) -> None:
        """Let these [B, W] be the running hypotheses."""
        self.scores.copy_(totals)
        rows = (parents + self._first_rows).flatten()
        for table, value in zip(self._tables, values, strict=True):
            table.copy_(table.index_select(0, rows)).index_copy_(1, self._column, value.reshape(-1, 1))
        self._parents.copy_(rows)
        self._column += 1
        if self._any_finished:
            self.finished.weigh(self.scores[:, :1], self._column)

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
        if not log_probs.is_cpu:
            best = (log_probs + self.scores[:, :, None]).flatten(1).topk(self._candidates)
            return best.values, best.indices, False
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
    lend = decoder.lend if settings.draw is None else lend_once  # what draws is not done again
    kind = (tuple(prefix.shape), settings, ends.ids)
    with lend(kind, lambda: BeamState(prefix, settings, ends)) as (state, rank):
        state.restart(prefix)
        interval = look_interval(prefix.device)
        newest = prefix
        for step in range(1, settings.limit - prefix.shape[1] + 1):
            scores = decoder(newest).log_softmax(dim=-1)
            scores = chain(scores, state.sequences, state.length, in_place=True)
            parents = state.advance(scores, rank)
            newest = state.newest
            if on_step is not None:
                on_step(Step(state.length, settings.limit, newest[:, 0].clone()))
            if state.length == settings.limit:
                break
            if step % interval == 0 and decoder.settled(state.complete()):
                break
            decoder.cache.reorder(parents)
        return state.finished.best()
