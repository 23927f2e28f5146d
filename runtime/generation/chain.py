"""Which processors the options ask for, in the order of transformers 5. Absent ones cost nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from runtime.generation import processors, sampling
from runtime.generation.decoding import Processor
from specs.generation import GenerationOptions
from specs.generation.lengths import Lengths


def build_processors(
    options: GenerationOptions, lengths: Lengths, prompt_length: int, vocabulary: int, device: torch.device
) -> list[Processor]:
    """The processors for sequences that start with `prompt_length` tokens, over `vocabulary` scores."""
    chain = list(_constraints(options, lengths, prompt_length, vocabulary, device))
    if options.do_sample:
        chain += _filters(options)
    if options.renormalize_logits:
        chain.append(processors.Renormalize())
    return chain


def _constraints(
    options: GenerationOptions, lengths: Lengths, prompt_length: int, vocabulary: int, device: torch.device
) -> Iterator[Processor]:
    ends = options.eos_token_ids
    if options.sequence_bias is not None:
        yield processors.SequenceBias(options.sequence_bias, vocabulary, device)
    if options.repetition_penalty != 1.0:
        yield processors.RepetitionPenalty(options.repetition_penalty)
    if options.no_repeat_ngram_size > 0:
        yield processors.NoRepeatNGram(options.no_repeat_ngram_size)
    if options.bad_words_ids is not None:
        # An end token by itself is never a bad word: nothing could end.
        words = [word for word in options.bad_words_ids if not (len(word) == 1 and word[0] in ends)]
        yield processors.SequenceBias([(word, -math.inf) for word in words], vocabulary, device)
    if ends and lengths.minimum > prompt_length:
        yield processors.MinimumLength(lengths.minimum, ends, device)
    if options.forced_bos_token_id is not None:
        yield processors.ForcedAt(1, (options.forced_bos_token_id,), vocabulary, device)
    if options.forced_eos_token_ids:
        yield processors.ForcedAt(lengths.maximum - 1, options.forced_eos_token_ids, vocabulary, device)
    if options.remove_invalid_values:
        yield processors.RemoveInvalid()
    if options.exponential_decay_length_penalty is not None:
        start, factor = options.exponential_decay_length_penalty
        yield processors.ExponentialDecay(start + prompt_length, factor, ends, device)
    if options.suppress_tokens:
        yield processors.Suppress(options.suppress_tokens, device)
    if options.begin_suppress_tokens:
        # A forced first token is not what begins the text; the one after it is.
        forced = options.forced_bos_token_id is not None and prompt_length == 1
        begin = prompt_length + 1 if forced else prompt_length
        yield processors.Suppress(options.begin_suppress_tokens, device, begin)


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
