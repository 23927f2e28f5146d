"""A tiny folder in the layout of the Hub with all that a person needs: weights, tables, a tokenizer.

Unlike the oracle's own folders its tables are those of the tokenizer, so that texts go in and come out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import SeamlessM4Tv2Config

from tests.processing.subword_files import published, write_vocabulary
from tests.seamless.oracle import MULTITASK, dedicated, model_of, save_front_end
from tests.seamless.settings import random_config

TOKENIZER = "SeamlessM4TTokenizer"
WRITTEN = ("eng", "fra", "deu", "cmn_Hant")
SPOKEN = ("eng", "fra")
SPEAKERS = 3
_SEED = 2
_TAGS = 3
"""Ids behind the tokenizer's, as in the published vocabulary."""


def save_translator(folder: Path, architecture: str = MULTITASK, **fields: Any) -> Path:
    """Write a model with its front end, tokenizer and tables; `fields` are those of its config."""
    write_vocabulary(folder, TOKENIZER)
    ids = published(folder, TOKENIZER).get_vocab()
    config = _config(len(ids) + _TAGS, **fields)
    model = model_of(config, _SEED)
    with torch.no_grad():
        model.lm_head.weight[len(ids) :] = 0.0  # as the published model never writes them
        model.lm_head.weight[config.eos_token_id] *= 2.0  # most texts end by themselves
    _set_tables(model.generation_config, ids, config)
    made = dedicated(model, architecture)
    made.save_pretrained(folder)
    save_front_end(config, folder)
    return folder


def _config(vocabulary: int, **fields: Any) -> SeamlessM4Tv2Config:
    made = random_config(_SEED).to_dict()
    sizes = {"vocab_size": vocabulary, "char_vocab_size": 60, "vocoder_num_spkrs": SPEAKERS}
    adapter = {"adaptor_kernel_size": 8, "adaptor_stride": 8, "num_adapter_layers": 1}
    limits = {"max_position_embeddings": 400, "max_new_tokens": 60}
    return SeamlessM4Tv2Config(**(made | sizes | adapter | limits | fields))


def _set_tables(generation: Any, ids: dict[str, int], config: SeamlessM4Tv2Config) -> None:
    """The tables of the tokenizer's own pieces, and of the languages that are written and spoken."""
    letters = sorted({letter for piece in ids for letter in piece})[: config.char_vocab_size - 2]
    tables = {
        "text_decoder_lang_to_code_id": {one: ids[f"__{one}__"] for one in WRITTEN},
        "t2u_lang_code_to_id": {one: number for number, one in enumerate(SPOKEN)},
        "vocoder_lang_code_to_id": {one: number for number, one in enumerate(SPOKEN)},
        "id_to_text": {str(number): piece for piece, number in ids.items()},
        "char_to_id": {letter: number for number, letter in enumerate(letters, 2)},
    }
    for name, table in tables.items():
        setattr(generation, name, table)
