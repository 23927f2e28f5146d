"""Which tokens may be drawn, and drawing them.

The filters are processors that set the scores of excluded tokens to -inf; each keeps at least `keep`
tokens, as beam sampling needs one that does not end the sequence.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from runtime.generation.conditions import Condition
from runtime.generation.sequences import Sequences


class Draw:
    """Draws tokens in proportion to the exponential of their scores, reproducibly if seeded."""

    def __init__(self, seed: int | None, condition: Condition) -> None:
        """`condition`, looked at by others: that the greatest score of every row is a number."""
        self._generator = None if seed is None else torch.Generator(condition.device).manual_seed(seed)
        self.condition = condition

    def one(self, scores: Tensor) -> Tensor:
        """Scores [rows, V] -> one token a row, [rows]."""
        return self._race(scores).argmax(dim=-1)

    def several(self, scores: Tensor, count: int) -> Tensor:
        """Scores [rows, V] -> `count` different places a row, [rows, count], as if drawn one by one."""
        return self._race(scores).topk(count).indices

    def _race(self, scores: Tensor) -> Tensor:
        """Numbers [rows, V] whose greatest are the draw: p / q of independent q, exponentially distributed.

        Of exponential clocks of rates p the first to ring is each with probability p, and those after it are
        draws without replacement (Efraimidis and Spirakis 2006). `multinomial` draws so from equal numbers,
        but first has the host look at p.
        """
        self.condition.note(scores.amax(dim=-1).isfinite().all())
        probabilities = scores.softmax(dim=-1)
        return probabilities / torch.empty_like(probabilities).exponential_(generator=self._generator)


class Temperature:
    """Sharpens (below 1) or flattens (above 1) the distribution."""

    def __init__(self, temperature: float) -> None:
        self._temperature = temperature

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Divide the scores."""
        return scores.div_(self._temperature)


class TopK:
    """Keeps the k best tokens, and those equal to the last of them."""

    def __init__(self, k: int, keep: int) -> None:
        self._k = max(k, keep)

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Exclude what scores below the k-th."""
        return scores.masked_fill_(scores < _score_of_best(scores, self._k), -math.inf)


class TopP:
    """Keeps the fewest best tokens whose probabilities reach p: nucleus sampling, Holtzman et al. 2020."""

    def __init__(self, p: float, keep: int) -> None:
        self._p, self._keep = p, keep

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Exclude the tokens whose own and all lesser probabilities sum to at most 1 - p."""
        ascending, order = scores.sort()
        excluded = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - self._p
        excluded[:, -self._keep :] = False
        return scores.masked_fill_(excluded.scatter(1, order, excluded), -math.inf)


class MinP:
    """Keeps tokens at least `share` times as probable as the best: Nguyen et al. 2024."""

    def __init__(self, share: float, keep: int) -> None:
        self._share, self._keep = share, keep

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Exclude what falls below the share."""
        probabilities = scores.softmax(dim=-1)
        excluded = probabilities < self._share * probabilities.amax(dim=-1, keepdim=True)
        best = probabilities.topk(min(self._keep, scores.shape[1])).indices
        return scores.masked_fill_(excluded.scatter(1, best, False), -math.inf)


class Typical:
    """Keeps the tokens whose surprise is nearest the entropy: Meister et al. 2022."""

    def __init__(self, mass: float, keep: int) -> None:
        self._mass, self._keep = mass, keep

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Keep tokens in order of |surprise - entropy| until their probabilities reach the mass."""
        log_probs = scores.log_softmax(dim=-1)
        entropy = -(log_probs * log_probs.exp()).nansum(dim=-1, keepdim=True)
        distances, order = (-log_probs - entropy).abs().sort()
        reached = scores.gather(1, order).softmax(dim=-1).cumsum(dim=-1)
        last = (reached < self._mass).sum(dim=1, keepdim=True).clamp(max=scores.shape[1] - 1)
        excluded = distances > distances.gather(1, last)
        excluded[:, : self._keep] = False
        return scores.masked_fill_(excluded.scatter(1, order, excluded), -math.inf)


class EpsilonCutoff:
    """Drops tokens less probable than epsilon: Hewitt et al. 2022."""

    def __init__(self, epsilon: float, keep: int) -> None:
        self._epsilon, self._keep = epsilon, keep

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Exclude improbable tokens that are not among the best."""
        excluded = scores.softmax(dim=-1) < self._epsilon
        return scores.masked_fill_(excluded & (scores < _score_of_best(scores, self._keep)), -math.inf)


class EtaCutoff:
    """Drops tokens below min(eta, sqrt(eta) * exp(-entropy)): Hewitt et al. 2022."""

    def __init__(self, eta: float, keep: int) -> None:
        self._eta, self._keep = eta, keep

    def __call__(self, scores: Tensor, sequences: Sequences) -> Tensor:
        """Exclude tokens improbable for the entropy of their distribution."""
        log_probs = scores.log_softmax(dim=-1)
        probabilities = log_probs.exp()
        entropy = -(log_probs.clamp(min=torch.finfo(scores.dtype).min) * probabilities).sum(-1, keepdim=True)
        excluded = probabilities < (math.sqrt(self._eta) * (-entropy).exp()).clamp(max=self._eta)
        return scores.masked_fill_(excluded & (scores < _score_of_best(scores, self._keep)), -math.inf)


def _score_of_best(scores: Tensor, count: int) -> Tensor:
    """The score of the `count`-th best token of each row, [rows, 1]."""
    return scores.topk(min(count, scores.shape[1])).values[:, -1:]
