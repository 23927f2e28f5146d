"""Options that change the scores of the next token, one class each.

A processor maps scores [rows, V] (logits, or log-probabilities in beam search) and the sequences so
far to new scores, and may write into what it is given. It asks the device nothing, and its operations
have one shape at all lengths; at which lengths it acts is `chain`'s to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from runtime.generation.sequences import Sequences

_ANY = -1
"""In place of an id: whatever stands there."""


def _tensor(ids: Iterable[int], device: torch.device) -> Tensor:
    return torch.tensor(list(ids), dtype=torch.int64, device=device)


class SequenceBias:
    """Adds a bias to the token that would complete one of the given id sequences.

    A bias of -inf forbids the sequence.
    """

    def __init__(
        self, biases: Iterable[tuple[Sequence[int], float]], vocabulary: int, device: torch.device
    ) -> None:
        self._single = torch.zeros(vocabulary, device=device)
        longer = {}
        for ids, bias in {tuple(ids): bias for ids, bias in biases}.items():
            if len(ids) == 1:
                self._single[ids[0]] = bias
            else:
                longer[ids] = bias
        longest = max(map(len, longer), default=1)
        rows = [[_ANY] * (longest - len(ids)) + list(ids) for ids in longer]
        table = torch.tensor(rows, dtype=torch.int64, device=device).view(len(longer), longest)
        self._behind = torch.arange(1 - longest, 0, device=device)
        self._leading, self._last = table[:, :-1].contiguous(), table[:, -1].contiguous()  # [n, before], [n]
        self._fits_any = self._leading == _ANY
        self._needed = (~self._fits_any).sum(dim=1)
        self._biases = torch.tensor(list(longer.values()), dtype=torch.float32, device=device)

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Bias every completion the sequences are one token short of."""
        if not len(self._last):
            return scores.add_(self._single)
        fits = (sequences.last(self._behind)[:, None] == self._leading) | self._fits_any  # [rows, n, before]
        completed = fits.all(dim=-1) & (sequences.length >= self._needed)
        bias = self._single.expand_as(scores)
        return scores.add_(bias.index_add(1, self._last, torch.where(completed, self._biases, 0.0)))


class RepetitionPenalty:
    """Makes tokens already present less likely: CTRL, Keskar et al. 2019, equation 1, for either sign."""

    def __init__(self, penalty: float) -> None:
        self._penalty = penalty

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Divide positive scores by the penalty, multiply negative ones, once a token."""
        # A column not written yet repeats the first token, which is present anyway.
        ids = torch.where(sequences.written, sequences.ids, sequences.ids[:, :1])
        present = scores.gather(1, ids)
        present = torch.where(present < 0, present * self._penalty, present / self._penalty)
        return scores.scatter_(1, ids, present)


class NoRepeatNGram:
    """Forbids the token that would repeat an n-gram of the sequence, which has n tokens at least."""

    def __init__(self, size: int, device: torch.device) -> None:
        self._size = size
        self._behind = torch.arange(1 - size, 0, device=device)

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Forbid the last token of each n-gram whose first n-1 tokens end the sequence."""
        ngrams = sequences.ids.unfold(1, self._size, 1)  # [rows, L - n + 1, n]
        ending = sequences.last(self._behind)[:, None]  # [rows, 1, n - 1]
        repeated = (ngrams[:, :, :-1] == ending).all(dim=-1) & sequences.written[self._size - 1 :]
        times = torch.zeros_like(scores).scatter_add_(1, ngrams[:, :, -1], repeated.to(scores.dtype))
        return scores.masked_fill_(times > 0, -math.inf)


class Forbid:
    """Forbids ids."""

    def __init__(self, ids: Iterable[int], device: torch.device) -> None:
        self._forbidden = _tensor(ids, device)

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Set their scores to -inf."""
        return scores.index_fill_(1, self._forbidden, -math.inf)


class Force:
    """Allows only the given ids, with equal scores."""

    def __init__(self, ids: Iterable[int], vocabulary: int, device: torch.device) -> None:
        self._forced = torch.full((vocabulary,), -math.inf, device=device)
        self._forced[_tensor(ids, device)] = 0.0

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Replace all scores."""
        return scores.copy_(self._forced)


class RemoveInvalid:
    """Replaces NaN by 0 and infinities by the largest finite numbers."""

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Return finite scores."""
        return scores.nan_to_num_(nan=0.0)


class ExponentialDecay:
    """Raises the end tokens' scores exponentially with what the sequence is longer than `start`."""

    def __init__(
        self, start: int, factor: float, end_ids: Iterable[int], limit: int, device: torch.device
    ) -> None:
        """For sequences of at most `limit` tokens."""
        self._end_ids = _tensor(end_ids, device)
        excess = torch.arange(limit + 1, dtype=torch.float64, device=device) - start
        self._growth = (factor**excess - 1).float()  # by length

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Add |score| * (factor ** excess - 1), so that negative scores rise as well."""
        ends = scores.index_select(1, self._end_ids)
        raised = ends + ends.abs() * self._growth.index_select(0, sequences.length)
        return scores.index_copy_(1, self._end_ids, torch.where(ends.isfinite(), raised, ends))


class Renormalize:
    """Turns scores into log-probabilities that sum to one again."""

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Log-softmax over the vocabulary."""
        return scores.log_softmax(dim=-1)
