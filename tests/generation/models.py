"""Tiny random models with inputs, and what to ask of them; the same for every test here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import Speech2TextConfig, Speech2TextForConditionalGeneration

from tests import oracle

SEEDS = range(12)


@dataclass(frozen=True, eq=False)
class Case:
    """One model with a padded batch, equal to nothing but itself."""

    model: Speech2TextForConditionalGeneration
    inputs: dict[str, Tensor]


def random_case(seed: int) -> Case:
    """A model that ends its sequences often enough to test it, every fourth in two ways; three utterances."""
    model = oracle.random_model(seed)
    config, defaults = model.config, model.generation_config
    if seed % 4 == 3:
        config.eos_token_id = defaults.eos_token_id = [config.eos_token_id, config.bos_token_id]
    with torch.no_grad():
        model.lm_head.weight[end_ids(config)] *= 2.0
    defaults.max_new_tokens = None
    inputs = oracle.random_batch(config, seed)
    del inputs["decoder_input_ids"]
    return Case(model, inputs)


def end_ids(config: Speech2TextConfig) -> list[int]:
    """The end tokens, as many as there are."""
    return config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]


def option_sets(config: Speech2TextConfig) -> dict[str, dict[str, Any]]:
    """Every deterministic option, alone and together; ids are picked off the special ones."""
    special = {config.pad_token_id, config.decoder_start_token_id, *end_ids(config)}
    plain = [i for i in range(config.vocab_size) if i not in special]
    end = end_ids(config)[0]
    return {
        "none": {},
        "forced_bos_token_id": {"forced_bos_token_id": plain[0]},
        "forced_eos_token_id": {"forced_eos_token_id": end},
        "forced_both": {"forced_bos_token_id": plain[1], "forced_eos_token_id": [end, plain[2]]},
        "min_length": {"min_length": 7},
        "min_new_tokens": {"min_new_tokens": 7},
        "max_new_tokens": {"max_new_tokens": 6},
        "repetition_penalty": {"repetition_penalty": 1.7},
        "repetition_reward": {"repetition_penalty": 0.8},
        "no_repeat_unigram": {"no_repeat_ngram_size": 1, "max_new_tokens": 6},
        "no_repeat_bigram": {"no_repeat_ngram_size": 2},
        "no_repeat_trigram": {"no_repeat_ngram_size": 3},
        "suppress_tokens": {"suppress_tokens": plain[2:6]},
        "begin_suppress_tokens": {"begin_suppress_tokens": [end, *plain[5:8]]},
        "begin_suppress_after_forced": {
            "begin_suppress_tokens": [end, *plain[5:8]],
            "forced_bos_token_id": plain[3],
        },
        "bad_words_ids": {
            "bad_words_ids": [
                [plain[0]],
                [plain[1], plain[2]],
                [plain[3], plain[4], plain[3]],
                [end],
                *([plain[4], i] for i in plain),
            ]
        },
        "sequence_bias": {
            "sequence_bias": [
                [[plain[0]], -3.0],
                [[plain[1]], 2.5],
                [[plain[1], plain[2]], 4.0],
                [[end], 1.0],
                [[plain[1], plain[1]], -5.0],
            ]
        },
        "exponential_decay_length_penalty": {"exponential_decay_length_penalty": (2, 1.3)},
        "remove_invalid_values": {"remove_invalid_values": True, "suppress_tokens": [plain[0]]},
        "renormalize_logits": {"renormalize_logits": True, "repetition_penalty": 1.4},
        "no_end": {"eos_token_id": None},
        "other_end": {"eos_token_id": plain[:3]},
        "together": {
            "repetition_penalty": 1.2,
            "no_repeat_ngram_size": 2,
            "min_length": 4,
            "forced_bos_token_id": plain[1],
            "forced_eos_token_id": end,
            "suppress_tokens": plain[4:6],
            "bad_words_ids": [[plain[1], plain[2]]],
            "renormalize_logits": True,
        },
    }


SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beam2": {"num_beams": 2},
    "beam5": {"num_beams": 5, "num_return_sequences": 5},
    "beam5_early": {"num_beams": 5, "early_stopping": True, "num_return_sequences": 3},
    "beam4_never": {"num_beams": 4, "early_stopping": "never", "length_penalty": 1.6},
    "beam3_never_short": {
        "num_beams": 3,
        "early_stopping": "never",
        "length_penalty": -2.0,
        "num_return_sequences": 3,
    },
    "beam4_long": {"num_beams": 4, "length_penalty": 2.5, "num_return_sequences": 2},
    "beam4_unpenalised": {"num_beams": 4, "length_penalty": 0.0},
    "beam3_short": {"num_beams": 3, "length_penalty": -1.0, "early_stopping": True},
}
