"""Which processors the options ask for, in the order of transformers 5. Absent ones cost nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from runtime.generation import processors, sampling
from runtime.generation.sequences import Sequences
from specs.generation import GenerationOptions
from specs.generation.lengths import Lengths

Processor = Callable[[Tensor, Sequences], Tensor]
"""Turns scores [rows, V] into scores, perhaps in place, given the sequences so far."""


class Stage(NamedTuple):
    """A processor, and the lengths of sequences at which it acts."""

    process: Processor
    lengths: range


class Chain:
    """Processors one after another. The host counts tokens, so it alone decides which of them act."""

    def __init__(self, stages: Sequence[Stage], limit: int, device: torch.device) -> None:
        """For sequences of at most `limit` tokens."""
        self._stages = stages
        self._sequences = Sequences(limit, device)

    def __call__(self, scores: Tensor, ids: Tensor, length: int, *, in_place: bool = False) -> Tensor:
        """Scores [rows, V] after `length` tokens of `ids` [rows, limit] -> scores.

        The given ones stay, unless they may be written to: `in_place`.
        """
        acting = [process for process, lengths in self._stages if length in lengths]
        if not acting:
            return scores
        self._sequences.read(ids, length)
        if not in_place:
            scores = scores.clone()
        for process in acting:
            scores = process(scores, self._sequences)
        return scores


def build_chain(
    options: GenerationOptions, lengths: Lengths, prompt_length: int, vocabulary: int, device: torch.device
) -> Chain:
    """The processors for sequences that start with `prompt_length` tokens, over `vocabulary` scores."""
    stages = list(_constraints(options, lengths, prompt_length, vocabulary, device))
    always = range(lengths.maximum)
    if options.do_sample:
        stages += (Stage(process, always) for process in _filters(options))
    if options.renormalize_logits:
        stages.append(Stage(processors.Renormalize(), always))
    return Chain(stages, lengths.maximum, device)


def _constraints(
    options: GenerationOptions, lengths: Lengths, prompt_length: int, vocabulary: int, device: torch.device
) -> Iterator[Stage]:
    ends, limit = options.eos_token_ids, lengths.maximum
    always = range(limit)
    if options.sequence_bias is not None:
        yield Stage(processors.SequenceBias(options.sequence_bias, vocabulary, device), always)
    if options.repetition_penalty != 1.0:
        yield Stage(processors.RepetitionPenalty(options.repetition_penalty), always)
    if (size := options.no_repeat_ngram_size) > 0:
        yield Stage(processors.NoRepeatNGram(size, device), range(size, limit))
    if options.bad_words_ids is not None:
        # An end token by itself is never a bad word: nothing could end.
        words = [word for word in options.bad_words_ids if not (len(word) == 1 and word[0] in ends)]
        biases = [(word, -math.inf) for word in words]
        yield Stage(processors.SequenceBias(biases, vocabulary, device), always)
    if ends and lengths.minimum > prompt_length:
        yield Stage(processors.Forbid(ends, device), range(lengths.minimum))
    if options.forced_bos_token_id is not None:
        yield Stage(processors.Force((options.forced_bos_token_id,), vocabulary, device), range(1, 2))
    if options.forced_eos_token_ids:
        last = range(limit - 1, limit)
        yield Stage(processors.Force(options.forced_eos_token_ids, vocabulary, device), last)
    if options.remove_invalid_values:
        yield Stage(processors.RemoveInvalid(), always)
    if options.exponential_decay_length_penalty is not None:
        start, factor = options.exponential_decay_length_penalty
        start += prompt_length
        decay = processors.ExponentialDecay(start, factor, ends, limit, device)
        yield Stage(decay, range(start + 1, limit))
    if options.suppress_tokens:
        yield Stage(processors.Forbid(options.suppress_tokens, device), always)
    if options.begin_suppress_tokens:
        # A forced first token is not what begins the text; the one after it is.
        forced = options.forced_bos_token_id is not None and prompt_length == 1
        begin = prompt_length + 1 if forced else prompt_length
        forbid = processors.Forbid(options.begin_suppress_tokens, device)
        yield Stage(forbid, range(begin, begin + 1))


def _filters(options: GenerationOptions) -> Iterator[Processor]:
    # A beam must keep a token that does not end it.
    keep = 1
    if options.num_beams > 1:
        keep = 2 if not options.eos_token_ids else len(options.eos_token_ids) + 1
    if options.temperature != 1.0:
        yield sampling.Temperature(options.temperature)
    if options.top_k:
        yield sampling.TopK(options.top_k, keep)
    if options.top_p < 1.0:
        yield sampling.TopP(options.top_p, keep)
    if options.min_p is not None:
        yield sampling.MinP(options.min_p, keep)
    if options.typical_p < 1.0:
        yield sampling.Typical(options.typical_p, keep)
    if options.epsilon_cutoff > 0.0:
        yield sampling.EpsilonCutoff(options.epsilon_cutoff, keep)
    if options.eta_cutoff > 0.0:
        yield sampling.EtaCutoff(options.eta_cutoff, keep)
