"""Options that change the scores of the next token, one class each.

A processor maps scores [rows, V] (logits, or log-probabilities in beam search) and the sequences so
far [rows, length] to new scores. None writes into what it is given: it may be the model's own buffer.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


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
        groups: defaultdict[int, list[tuple[tuple[int, ...], float]]] = defaultdict(list)
        for ids, bias in {tuple(ids): bias for ids, bias in biases}.items():
            if len(ids) == 1:
                self._single[ids[0]] = bias
            else:
                groups[len(ids) - 1].append((ids, bias))
        # By length of what must come before, so that one comparison serves a whole group.
        self._groups = [
            (
                length,
                torch.tensor([ids[:-1] for ids, _ in group], device=device),  # [n, length]
                torch.tensor([ids[-1] for ids, _ in group], device=device),  # [n]
                torch.tensor([bias for _, bias in group], device=device),  # [n]
            )
            for length, group in groups.items()
        ]

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Bias every completion the sequences are one token short of."""
        bias = self._single.expand_as(scores)
        for length, before, last, values in self._groups:
            if sequences.shape[1] >= length:
                matches = (sequences[:, None, -length:] == before).all(dim=-1)  # [rows, n]
                bias = bias.index_add(1, last, torch.where(matches, values, 0.0))
        return scores + bias


class RepetitionPenalty:
    """Makes tokens already present less likely: CTRL, Keskar et al. 2019, equation 1, for either sign."""

    def __init__(self, penalty: float) -> None:
        self._penalty = penalty

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Divide positive scores by the penalty, multiply negative ones, once a token."""
        present = scores.gather(1, sequences)
        present = torch.where(present < 0, present * self._penalty, present / self._penalty)
        return scores.scatter(1, sequences, present)


class NoRepeatNGram:
    """Forbids the token that would repeat an n-gram of the sequence."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Forbid the last token of each n-gram whose first n-1 tokens end the sequence."""
        length = sequences.shape[1]
        if length < self._size:
            return scores
        ngrams = sequences.unfold(1, self._size, 1)  # [rows, length - n + 1, n]
        ending = sequences[:, None, length - self._size + 1 :]  # [rows, 1, n - 1]
        repeated = (ngrams[:, :, :-1] == ending).all(dim=-1)
        penalties = torch.where(repeated, -math.inf, 0.0)
        return scores.scatter_add(1, ngrams[:, :, -1], penalties)


class MinimumLength:
    """Forbids the end tokens while the sequence is shorter than `minimum`."""

    def __init__(self, minimum: int, end_ids: Iterable[int], device: torch.device) -> None:
        self._minimum = minimum
        self._forbidden = _tensor(end_ids, device)

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Forbid the end, or do nothing once the sequence is long enough."""
        if sequences.shape[1] >= self._minimum:
            return scores
        return scores.index_fill(1, self._forbidden, -math.inf)


class ForcedAt:
    """Allows only the given ids, with equal scores, when the sequence has `length` tokens."""

    def __init__(self, length: int, ids: Iterable[int], vocabulary: int, device: torch.device) -> None:
        self._length = length
        self._forced = torch.full((vocabulary,), -math.inf, device=device)
        self._forced[_tensor(ids, device)] = 0.0

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Replace the scores at that length, and pass them through at any other."""
        return self._forced.repeat(len(scores), 1) if sequences.shape[1] == self._length else scores


class RemoveInvalid:
    """Replaces NaN by 0 and infinities by the largest finite numbers."""

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Return finite scores."""
        return scores.nan_to_num(nan=0.0)


class ExponentialDecay:
    """Raises the end tokens' scores exponentially once the sequence is longer than `start`."""

    def __init__(self, start: int, factor: float, end_ids: Sequence[int], device: torch.device) -> None:
        self._start, self._factor = start, factor
        self._end_ids = torch.tensor(end_ids, device=device)

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Add |score| * (factor ** excess - 1), so that negative scores rise as well."""
        excess = sequences.shape[1] - self._start
        if excess <= 0:
            return scores
        ends = scores[:, self._end_ids]
        raised = ends + ends.abs() * (self._factor**excess - 1)
        return scores.index_copy(1, self._end_ids, torch.where(ends.isfinite(), raised, ends))


class Suppress:
    """Forbids ids, everywhere or only when the sequence has `length` tokens."""

    def __init__(self, ids: Iterable[int], device: torch.device, length: int | None = None) -> None:
        self._forbidden = _tensor(ids, device)
        self._length = length

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Forbid the ids where they are to be forbidden."""
        if self._length is not None and sequences.shape[1] != self._length:
            return scores
        return scores.index_fill(1, self._forbidden, -math.inf)


class Renormalize:
    """Turns scores into log-probabilities that sum to one again."""

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Log-softmax over the vocabulary."""
        return scores.log_softmax(dim=-1)
