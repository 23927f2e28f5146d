"""Each processor against transformers' own, on scores with infinities and sequences with repeats."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers.generation import logits_process as theirs

from runtime.generation import processors, sampling
from runtime.generation.chain import Chain, Processor, Stage
from runtime.generation.sequences import Sequences

ROWS, VOCABULARY, LIMIT = 6, 19, 10
CPU = torch.device("cpu")
BIASES: list[tuple[list[int], float]] = [
    ([3], 1.5),
    ([2, 4], -2.0),
    ([1, 1, 0], 3.0),
    ([0, 1], -math.inf),
    ([7], -1),
]

PAIRS: dict[str, tuple[Processor | Stage, Callable[[Tensor, Tensor], Tensor]]] = {
    "sequence bias": (
        processors.SequenceBias(BIASES, VOCABULARY, CPU),
        theirs.SequenceBiasLogitsProcessor([[ids, float(bias)] for ids, bias in BIASES]),
    ),
    "bad words": (
        processors.SequenceBias(
            [([5], -math.inf), ([0, 1], -math.inf), ([2, 2, 2], -math.inf)], VOCABULARY, CPU
        ),
        theirs.NoBadWordsLogitsProcessor([[5], [0, 1], [2, 2, 2]], 18),
    ),
    "repetition": (processors.RepetitionPenalty(1.3), theirs.RepetitionPenaltyLogitsProcessor(1.3)),
    "unigrams": (processors.NoRepeatNGram(1, CPU), theirs.NoRepeatNGramLogitsProcessor(1)),
    "bigrams": (
        Stage(processors.NoRepeatNGram(2, CPU), range(2, LIMIT)),
        theirs.NoRepeatNGramLogitsProcessor(2),
    ),
    "trigrams": (
        Stage(processors.NoRepeatNGram(3, CPU), range(3, LIMIT)),
        theirs.NoRepeatNGramLogitsProcessor(3),
    ),
    "minimum length": (
        Stage(processors.Forbid([4, 6], CPU), range(8)),
        theirs.MinLengthLogitsProcessor(8, [4, 6]),
    ),
    "forced first": (
        Stage(processors.Force([7], VOCABULARY, CPU), range(1, 2)),
        theirs.ForcedBOSTokenLogitsProcessor(7),
    ),
    "forced last": (
        Stage(processors.Force([7, 3], VOCABULARY, CPU), range(9, 10)),
        theirs.ForcedEOSTokenLogitsProcessor(10, [7, 3]),
    ),
    "invalid": (processors.RemoveInvalid(), theirs.InfNanRemoveLogitsProcessor()),
    "decay": (
        Stage(processors.ExponentialDecay(4, 1.2, [4, 6], LIMIT, CPU), range(5, LIMIT)),
        theirs.ExponentialDecayLengthPenalty((2, 1.2), [4, 6], 2),
    ),
    "suppressed": (
        processors.Forbid([1, 9], CPU),
        theirs.SuppressTokensLogitsProcessor([1, 9]),
    ),
    "suppressed first": (
        Stage(processors.Forbid([1, 9], CPU), range(3, 4)),
        theirs.SuppressTokensAtBeginLogitsProcessor([1, 9], 3),
    ),
    "renormalised": (processors.Renormalize(), theirs.LogitNormalization()),
    "temperature": (sampling.Temperature(0.7), theirs.TemperatureLogitsWarper(0.7)),
}
for keep in (1, 3):
    PAIRS |= {
        f"top k, {keep} kept": (sampling.TopK(2, keep), theirs.TopKLogitsWarper(2, min_tokens_to_keep=keep)),
        f"top p, {keep} kept": (
            sampling.TopP(0.6, keep),
            theirs.TopPLogitsWarper(0.6, min_tokens_to_keep=keep),
        ),
        f"small top p, {keep} kept": (
            sampling.TopP(0.05, keep),
            theirs.TopPLogitsWarper(0.05, min_tokens_to_keep=keep),
        ),
        f"min p, {keep} kept": (
            sampling.MinP(0.4, keep),
            theirs.MinPLogitsWarper(0.4, min_tokens_to_keep=keep),
        ),
        f"typical, {keep} kept": (
            sampling.Typical(0.5, keep),
            theirs.TypicalLogitsWarper(0.5, min_tokens_to_keep=keep),
        ),
        f"epsilon, {keep} kept": (
            sampling.EpsilonCutoff(0.1, keep),
            theirs.EpsilonLogitsWarper(0.1, min_tokens_to_keep=keep),
        ),
        f"eta, {keep} kept": (
            sampling.EtaCutoff(0.2, keep),
            theirs.EtaLogitsWarper(0.2, min_tokens_to_keep=keep),
        ),
    }


@pytest.mark.parametrize("name", PAIRS)
def test_equals_transformers(name: str) -> None:
    given, reference = PAIRS[name]
    stage = given if isinstance(given, Stage) else Stage(given, range(LIMIT))
    ours = Chain([stage], LIMIT, CPU)
    acted = 0
    for seed in range(12):
        generator = torch.Generator().manual_seed(seed)
        scores = torch.randn(ROWS, VOCABULARY, generator=generator) * 2
        if seed % 2:
            scores = scores.log_softmax(dim=-1)
        if seed % 3 == 0:
            scores[torch.rand(ROWS, VOCABULARY, generator=generator) < 0.2] = -math.inf
        if name in ("invalid", "unigrams", "bigrams"):  # a token is forbidden whatever its score
            scores[0, :2] = torch.tensor([math.nan, math.inf])
        for length in (1, 2, 3, 9):
            # What stands beyond the length is of no account: it repeats what was, or says something else.
            sequences = torch.randint(0, 3 + seed % 6, (ROWS, LIMIT), generator=generator)
            kept = scores.clone()
            result = ours(kept, sequences, length)
            expected = reference(sequences[:, :length], scores.clone())
            torch.testing.assert_close(result, expected, rtol=1e-6, atol=1e-6, equal_nan=True)
            torch.testing.assert_close(kept, scores, rtol=0, atol=0, equal_nan=True)
            acted += not torch.equal(result.nan_to_num(), scores.nan_to_num()) or name == "invalid"
    assert acted


def test_a_later_bias_of_the_same_ids_replaces_the_earlier() -> None:
    biased = processors.SequenceBias([([2], 1.0), ([2], 5.0)], 4, CPU)
    assert biased(torch.zeros(1, 4), Sequences(1, CPU)).tolist() == [[0.0, 0.0, 5.0, 0.0]]
