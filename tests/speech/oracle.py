"""The public speech encoders as oracles: random tiny models of many shapes, their weights spread.

The seed of a configuration is its number in a sequence, never chosen.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    Data2VecAudioConfig,
    Data2VecAudioModel,
    HubertConfig,
    HubertModel,
    PreTrainedModel,
    UniSpeechConfig,
    UniSpeechModel,
    Wav2Vec2Config,
    Wav2Vec2ConformerConfig,
    Wav2Vec2ConformerModel,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)

from tests.oracle import ACTIVATIONS, ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE, random_mask, spread

CLASSES: dict[str, tuple[Any, Any]] = {
    "data2vec-audio": (Data2VecAudioConfig, Data2VecAudioModel),
    "hubert": (HubertConfig, HubertModel),
    "unispeech": (UniSpeechConfig, UniSpeechModel),
    "wav2vec2": (Wav2Vec2Config, Wav2Vec2Model),
    "wav2vec2-conformer": (Wav2Vec2ConformerConfig, Wav2Vec2ConformerModel),
    "wavlm": (WavLMConfig, WavLMModel),
}
FAMILIES = tuple(CLASSES)
SEEDS = range(6)


def random_settings(family: str, seed: int) -> dict[str, Any]:
    """Fields of a tiny configuration; every variant of the published class is drawn within a few seeds."""
    draw = random.Random(f"{family} {seed}")
    layers = draw.randint(1, 3)
    kernels = [draw.randint(2, 6) for _ in range(layers)]
    settings = {
        **_widths(draw, seed, layers),
        "num_hidden_layers": draw.randint(1, 3),
        "conv_kernel": kernels,
        "conv_stride": [draw.randint(1, 3) for _ in range(layers)],
        "feat_extract_norm": ("group", "layer")[seed % 2],
        "conv_bias": seed % 3 == 1,
        "do_stable_layer_norm": seed % 4 >= 2,
        "hidden_act": ACTIVATIONS[seed % len(ACTIVATIONS)],
        "feat_extract_activation": ACTIVATIONS[(seed + 1) % len(ACTIVATIONS)],
        "num_conv_pos_embeddings": draw.randint(3, 12),
        "mask_time_prob": draw.choice((0.0, 0.05)),
        "mask_feature_prob": draw.choice((0.0, 0.1)) if seed else 0.0,
        "layer_norm_eps": draw.choice((1e-5, 1e-3)),
        "layerdrop": draw.choice((0.0, 0.1)),
        "hidden_dropout": draw.choice((0.0, 0.1)),
        "feat_proj_dropout": draw.choice((0.0, 0.1)),
    }
    drawn = settings | _EXTRAS[family](draw, seed)
    known = CLASSES[family][0]().to_dict()
    return {name: value for name, value in drawn.items() if name in known}


def _widths(draw: random.Random, seed: int, layers: int) -> dict[str, Any]:
    if seed == ALL_WIDTHS_COINCIDE:
        channels, width, inner, heads, groups = [24] * layers, 24, 24, 3, 3
    elif seed == NO_WIDTHS_COINCIDE:
        channels, width, inner, heads, groups = [10, 14, 18][:layers], 24, 20, 6, 4
    else:
        channels = [draw.randint(4, 20) for _ in range(layers)]
        width, inner = draw.choice((12, 16, 24)), draw.randint(5, 40)
        heads, groups = draw.sample([n for n in range(1, 9) if width % n == 0], 2)
    return {
        "conv_dim": channels,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "num_conv_pos_embedding_groups": groups,
    }


def _adapter(draw: random.Random, seed: int) -> dict[str, Any]:
    """Without an adapter, with one of the same width, and with one of another."""
    if seed % 3 == 0:
        return {}
    own = {} if seed % 3 == 1 else {"output_hidden_size": draw.choice((8, 10, 14))}
    return own | {
        "add_adapter": True,
        "num_adapter_layers": draw.randint(1, 2),
        "adapter_kernel_size": draw.choice((1, 2, 3)),
        "adapter_stride": draw.randint(1, 3),
    }


def _positions(draw: random.Random, seed: int) -> dict[str, Any]:
    """A few narrow convolutions in place of a wide one."""
    stack = {"num_conv_pos_embeddings": draw.randint(1, 3), "conv_pos_kernel_size": draw.randint(1, 6)}
    return _adapter(draw, seed) | stack


def _conformer(draw: random.Random, seed: int) -> dict[str, Any]:
    """Every kind of positions; rotated heads have an even width."""
    kind = ("relative", "rotary", None)[seed % 3]
    even = {"hidden_size": 24, "num_attention_heads": (3, 6)[seed % 2], "num_conv_pos_embedding_groups": 3}
    more = {
        "position_embeddings_type": kind,
        "conv_depthwise_kernel_size": (3, 5, 1)[seed % 3],
        "rotary_embedding_base": (100, 10000)[seed % 2],
        "conformer_conv_dropout": draw.choice((0.0, 0.1)),
    }
    return _adapter(draw, seed // 2) | more | (even if kind == "rotary" else {})


def _layer_adapters(draw: random.Random, seed: int) -> dict[str, Any]:
    """An adapter behind the layers, and one in each of them where they can have one."""
    return _adapter(draw, seed) | ({"adapter_attn_dim": draw.randint(3, 9)} if seed % 4 else {})


def _buckets(draw: random.Random, seed: int) -> dict[str, Any]:
    """So few distances that most share a bucket."""
    return _adapter(draw, seed) | {
        "num_buckets": draw.choice((4, 6, 12, 20)),
        "max_bucket_distance": draw.choice((7, 30)),
    }


_EXTRAS = {
    "data2vec-audio": _positions,
    "hubert": lambda draw, seed: {
        "feat_proj_layer_norm": seed % 3 != 2,
        "conv_pos_batch_norm": seed % 3 != 0,
    },
    "unispeech": lambda draw, seed: {},
    "wav2vec2": _layer_adapters,
    "wav2vec2-conformer": _conformer,
    "wavlm": _buckets,
}


def prefix_of(family: str) -> str:
    """What names of a model below a head begin with."""
    return f"{family.replace('-', '_')}."


def random_model(family: str, seed: int, **changes: Any) -> PreTrainedModel:
    """The model in eval mode, every parameter drawn from a normal of deviation 0.2, norm scales around 1."""
    torch.manual_seed(seed)
    config, model_class = CLASSES[family]
    model: PreTrainedModel = spread(model_class(config(**{**random_settings(family, seed), **changes})))
    return model


def save(family: str, seed: int, folder: Path, **changes: Any) -> PreTrainedModel:
    """Write the model of a seed in Hub layout, and give it."""
    model = random_model(family, seed, **changes)
    save_beside_front_end(model, folder)
    return model


def save_beside_front_end(model: PreTrainedModel, folder: Path) -> None:
    """Write a model, and the file of the front end that gives masks."""
    model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)


def random_audio(seed: int, rows: int = 3) -> tuple[Tensor, Tensor]:
    """Waveforms [rows, N] of different lengths and their mask; padding holds numbers: a lost mask shows.

    The first row fills the batch.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = random.Random(f"audio {seed}")
    samples = draw.randint(300, 400)
    mask = random_mask(draw, samples, 120, rows)
    return torch.randn(rows, samples, generator=generator), mask
