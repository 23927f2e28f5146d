"""Halves with the files of their front ends and tokenizers, as published folders have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)

import crossloom
from tests.processing.subword_files import ours, write_vocabulary

WIDTH = 24


def text_encoder(folder: Path) -> Path:
    """A tiny BERT with a `vocab.txt`."""
    write_vocabulary(folder, "BertTokenizer")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(ours(folder).ids),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=60,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def speech_encoder(folder: Path) -> Path:
    """A tiny wav2vec 2.0 with the file of its front end."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=[16] * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        mask_time_prob=0.0,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    contents = {"do_normalize": True, "return_attention_mask": False, "sampling_rate": 16000}
    (folder / "preprocessor_config.json").write_text(json.dumps(contents))
    return folder


def decoder(folder: Path) -> Path:
    """A tiny GPT-2 with its `vocab.json` and `merges.txt`, in which no token is of padding."""
    write_vocabulary(folder, "GPT2Tokenizer")
    tokenizer = ours(folder, "GPT2Tokenizer")
    end = tokenizer.ids["<|endoftext|>"]
    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=len(tokenizer.ids),
        n_embd=WIDTH,
        n_layer=1,
        n_head=2,
        n_positions=60,
        bos_token_id=end,
        eos_token_id=end,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def write_pair(path: Path, encoder: Path, decoder: Path, **more: Any) -> Path:
    """The spec of a pair of two folders, as a person would write it."""
    end = json.loads((decoder / "config.json").read_text())["eos_token_id"]
    data: dict[str, Any] = {"crossloom": 1, "name": "pair"}
    roles: tuple[tuple[Literal["encoder", "decoder"], Path], ...]
    roles = (("encoder", encoder), ("decoder", decoder))
    for role, folder in roles:
        half = crossloom.import_spec(folder, role=role).data
        data |= {key: value for key, value in half.items() if key not in ("crossloom", "name", "tokens")}
        data[role]["weights"] = str(folder)
    data["tokens"] = {"decoder_start": end, "pad": end}
    data["fresh"] = ["decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*"]
    data["generation"] = {"max_new_tokens": 12}
    data |= more
    path.write_text(yaml.safe_dump({key: value for key, value in data.items() if value is not None}))
    return path
