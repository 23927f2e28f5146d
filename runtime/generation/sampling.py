"""Which tokens may be drawn, and drawing them.

The filters are processors that set the scores of excluded tokens to -inf; each keeps at least `keep`
tokens, as beam sampling needs one that does not end the sequence.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Draw:
    """Draws tokens in proportion to the exponential of their scores, reproducibly if seeded."""

    def __init__(self, seed: int | None, device: torch.device) -> None:
        self._generator = None if seed is None else torch.Generator(device).manual_seed(seed)

    def one(self, scores: Tensor) -> Tensor:
        """Scores [rows, V] -> one token a row, [rows]."""
        return self.several(scores, 1)[:, 0]

    def several(self, scores: Tensor, count: int) -> Tensor:
        """Scores [rows, V] -> `count` different places a row, [rows, count]."""
        return torch.multinomial(scores.softmax(dim=-1), count, generator=self._generator)


class Temperature:
    """Sharpens (below 1) or flattens (above 1) the distribution."""

    def __init__(self, temperature: float) -> None:
        self._temperature = temperature

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Divide the scores."""
        return scores / self._temperature


class TopK:
    """Keeps the k best tokens, and those equal to the last of them."""

    def __init__(self, k: int, keep: int) -> None:
        self._k = max(k, keep)

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Exclude what scores below the k-th."""
        return scores.masked_fill(scores < _score_of_best(scores, self._k), -math.inf)


class TopP:
    """Keeps the fewest best tokens whose probabilities reach p: nucleus sampling, Holtzman et al. 2020."""

    def __init__(self, p: float, keep: int) -> None:
        self._p, self._keep = p, keep

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Exclude the tokens whose own and all lesser probabilities sum to at most 1 - p."""
        ascending, order = scores.sort()
        excluded = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - self._p
        excluded[:, -self._keep :] = False
        return scores.masked_fill(excluded.scatter(1, order, excluded), -math.inf)


class MinP:
    """Keeps tokens at least `share` times as probable as the best: Nguyen et al. 2024."""

    def __init__(self, share: float, keep: int) -> None:
        self._share, self._keep = share, keep

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Exclude what falls below the share."""
        probabilities = scores.softmax(dim=-1)
        excluded = probabilities < self._share * probabilities.amax(dim=-1, keepdim=True)
        best = probabilities.topk(min(self._keep, scores.shape[1])).indices
        return scores.masked_fill(excluded.scatter(1, best, False), -math.inf)


class Typical:
    """Keeps the tokens whose surprise is nearest the entropy: Meister et al. 2022."""

    def __init__(self, mass: float, keep: int) -> None:
        self._mass, self._keep = mass, keep

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Keep tokens in order of |surprise - entropy| until their probabilities reach the mass."""
        log_probs = scores.log_softmax(dim=-1)
        entropy = -(log_probs * log_probs.exp()).nansum(dim=-1, keepdim=True)
        distances, order = (-log_probs - entropy).abs().sort()
        reached = scores.gather(1, order).softmax(dim=-1).cumsum(dim=-1)
        last = (reached < self._mass).sum(dim=1, keepdim=True).clamp(max=scores.shape[1] - 1)
        excluded = distances > distances.gather(1, last)
        excluded[:, : self._keep] = False
        return scores.masked_fill(excluded.scatter(1, order, excluded), -math.inf)


class EpsilonCutoff:
    """Drops tokens less probable than epsilon: Hewitt et al. 2022."""

    def __init__(self, epsilon: float, keep: int) -> None:
        self._epsilon, self._keep = epsilon, keep

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Exclude improbable tokens that are not among the best."""
        excluded = scores.softmax(dim=-1) < self._epsilon
        return scores.masked_fill(excluded & (scores < _score_of_best(scores, self._keep)), -math.inf)


class EtaCutoff:
    """Drops tokens below min(eta, sqrt(eta) * exp(-entropy)): Hewitt et al. 2022."""

    def __init__(self, eta: float, keep: int) -> None:
        self._eta, self._keep = eta, keep

    def __call__(self, scores: Tensor, sequences: Tensor) -> Tensor:
        """Exclude tokens improbable for the entropy of their distribution."""
        log_probs = scores.log_softmax(dim=-1)
        probabilities = log_probs.exp()
        entropy = -(log_probs.clamp(min=torch.finfo(scores.dtype).min) * probabilities).sum(-1, keepdim=True)
        excluded = probabilities < (math.sqrt(self._eta) * (-entropy).exp()).clamp(max=self._eta)
        return scores.masked_fill(excluded & (scores < _score_of_best(scores, self._keep)), -math.inf)


def _score_of_best(scores: Tensor, count: int) -> Tensor:
    """The score of the `count`-th best token of each row, [rows, 1]."""
    return scores.topk(min(count, scores.shape[1])).values[:, -1:]
