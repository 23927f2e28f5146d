"""Random tiny halves of the public implementation, and the pairs it makes of them.

The seed of a configuration is its number in a sequence, never chosen. Weights are spread as those
of `tests.oracle`.
"""

from __future__ import annotations

import random
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from transformers import (
    BartConfig,
    BartForCausalLM,
    BertConfig,
    BertLMHeadModel,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    EncoderDecoderModel,
    GPT2Config,
    GPT2LMHeadModel,
    MBartConfig,
    MBartForCausalLM,
    RobertaConfig,
    RobertaForCausalLM,
    RobertaModel,
    TrOCRConfig,
    TrOCRForCausalLM,
    XGLMConfig,
    XGLMForCausalLM,
)
from transformers.models.bart.modeling_bart import BartEncoder
from transformers.models.mbart.modeling_mbart import MBartEncoder

from tests.oracle import ACTIVATIONS, random_mask, spread
from tests.pairs.speech2text2 import Speech2Text2ForCausalLM

Role: TypeAlias = Literal["encoder", "decoder"]

ENCODERS = ("bart", "bert", "distilbert", "mbart", "roberta")
DECODERS = ("bart", "bert", "gpt2", "mbart", "roberta", "speech_to_text_2", "trocr", "xglm")
SEEDS = range(3)
ALL_WIDTHS_COINCIDE = 0
"""Seed of the halves whose widths, vocabularies and positions are one number."""

_MODELS: dict[tuple[str, str], tuple[Any, Any]] = {
    ("encoder", "bart"): (BartConfig, BartEncoder),
    ("encoder", "bert"): (BertConfig, BertModel),
    ("encoder", "distilbert"): (DistilBertConfig, DistilBertModel),
    ("encoder", "mbart"): (MBartConfig, MBartEncoder),
    ("encoder", "roberta"): (RobertaConfig, RobertaModel),
    ("decoder", "bart"): (BartConfig, BartForCausalLM),
    ("decoder", "bert"): (BertConfig, BertLMHeadModel),
    ("decoder", "gpt2"): (GPT2Config, GPT2LMHeadModel),
    ("decoder", "mbart"): (MBartConfig, MBartForCausalLM),
    ("decoder", "roberta"): (RobertaConfig, RobertaForCausalLM),
    ("decoder", "speech_to_text_2"): (TrOCRConfig, Speech2Text2ForCausalLM),
    ("decoder", "trocr"): (TrOCRConfig, TrOCRForCausalLM),
    ("decoder", "xglm"): (XGLMConfig, XGLMForCausalLM),
}


def random_half(role: str, family: str, seed: int, **changes: Any) -> Any:
    """A tiny encoder or decoder in eval mode; widths, heads, depth, activation, tying and ids vary.

    `changes` are fields to set otherwise.
    """
    draw = random.Random(f"{role} {family} {seed}")
    configuration, published = _MODELS[role, family]
    torch.manual_seed(seed)
    return spread(published(configuration(**_fields(draw, role, family, seed) | _of_role(role) | changes)))


def fresh_half(role: str, family: str, seed: int, **changes: Any) -> Any:
    """The same as its class begins."""
    half = random_half(role, family, seed, **changes)
    torch.manual_seed(seed)
    return type(half)(half.config)


def random_pair(encoder: str, decoder: str, seed: int) -> Any:
    """The public pair of two random halves, and of a projection where their widths differ."""
    pair = EncoderDecoderModel(
        encoder=random_half("encoder", encoder, seed), decoder=random_half("decoder", decoder, seed)
    )
    spread(pair)
    ids = pair.config.decoder
    pair.config.decoder_start_token_id = ids.decoder_start_token_id
    pair.config.pad_token_id = ids.pad_token_id
    return pair.eval()


def random_texts(config: Any, seed: int, rows: int = 3) -> dict[str, Tensor]:
    """Padded `input_ids` [rows, S], their mask, and types if any. The first row fills the batch."""
    generator = torch.Generator().manual_seed(seed)
    draw = random.Random(f"texts {seed}")
    length = draw.randint(7, 12)
    mask = random_mask(draw, length, 2, rows)
    ids = torch.randint(4, config.vocab_size, (rows, length), generator=generator)
    texts = {
        "input_ids": ids.where(mask.bool(), torch.tensor(config.pad_token_id)),
        "attention_mask": mask,
    }
    if kinds := getattr(config, "type_vocab_size", None):
        texts["token_type_ids"] = torch.randint(kinds, (rows, length), generator=generator)
    return texts


def random_target(config: Any, seed: int, rows: int = 3) -> dict[str, Tensor]:
    """`decoder_input_ids` [rows, T], the last row shorter, and their mask."""
    generator = torch.Generator().manual_seed(seed + 100)
    ids = torch.randint(4, config.vocab_size, (rows, random.Random(seed).randint(4, 7)), generator=generator)
    ids[:, 0] = config.decoder_start_token_id
    mask = torch.ones_like(ids)
    mask[-1, -2:] = 0
    return {
        "decoder_input_ids": ids.masked_fill(mask == 0, config.pad_token_id),
        "decoder_attention_mask": mask,
    }


def _of_role(role: str) -> dict[str, Any]:
    if role == "encoder":
        return {}
    return {"is_decoder": True, "add_cross_attention": True, "decoder_start_token_id": 3}


def _fields(draw: random.Random, role: str, family: str, seed: int) -> dict[str, Any]:
    coincide = seed == ALL_WIDTHS_COINCIDE
    width = 24 if coincide else draw.choice((16, 20, 32) if role == "encoder" else (12, 18, 36))
    sizes = [24, 24, 24] if coincide else [draw.randint(17, 44), draw.randint(20, 50), draw.randint(25, 40)]
    inner, vocabulary, positions = sizes
    heads = 4 if coincide else draw.choice([n for n in range(1, 9) if width % n == 0])
    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    common = {"vocab_size": vocabulary, "tie_word_embeddings": seed % 2 == 0, **ids}
    activation = draw.choice(ACTIVATIONS)
    if family == "gpt2":
        return {
            **common,
            "n_embd": width,
            "n_layer": draw.randint(1, 3),
            "n_head": heads,
            "n_inner": None if seed == 2 else inner,
            "n_positions": positions,
            "activation_function": activation,
            "scale_attn_weights": seed != 1,
            "scale_attn_by_inverse_layer_idx": seed == 2,
            "layer_norm_epsilon": draw.choice((1e-5, 1e-3)),
        }
    if family == "distilbert":
        return {
            **common,
            "dim": width,
            "n_layers": draw.randint(1, 3),
            "n_heads": heads,
            "hidden_dim": inner,
            "max_position_embeddings": positions,
            "activation": activation,
        }
    if family in ("bart", "mbart"):
        depth = draw.randint(1, 3)
        return {
            **common,
            "d_model": width,
            "encoder_layers": depth,  # the public cache has so many layers, and fails with fewer than needed
            "decoder_layers": depth if coincide else draw.randint(1, depth),
            "encoder_attention_heads": heads,
            "decoder_attention_heads": heads,
            "encoder_ffn_dim": inner,
            "decoder_ffn_dim": inner if coincide else inner + 3,
            "max_position_embeddings": positions,
            "activation_function": activation,
            "scale_embedding": seed != 1,
        }
    if family == "xglm":
        return {
            **common,
            "d_model": width,
            "num_layers": draw.randint(1, 3),
            "attention_heads": heads,
            "ffn_dim": inner,
            "max_position_embeddings": positions,
            "activation_function": activation,
            "scale_embedding": seed != 1,
        }
    if family in ("speech_to_text_2", "trocr"):
        is_trocr = family == "trocr"
        return {
            **common,
            "d_model": width,
            "decoder_layers": draw.randint(1, 3),
            "decoder_attention_heads": heads,
            "decoder_ffn_dim": inner,
            "max_position_embeddings": positions,
            "activation_function": activation,
            "scale_embedding": seed != 1,
            "use_learned_position_embeddings": is_trocr and seed != 1,
            "layernorm_embedding": is_trocr and seed != 2,
        }
    return {
        **common,
        "hidden_size": width,
        "num_hidden_layers": draw.randint(1, 3),
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": positions,
        "hidden_act": activation,
        "type_vocab_size": draw.randint(1, 3),
        "layer_norm_eps": draw.choice((1e-12, 1e-5, 1e-3)),
    }
