"""The public vision encoders as oracles: random tiny models of many shapes, their weights spread.

The seed of a configuration is its number in a sequence, never chosen.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    BeitConfig,
    BeitModel,
    DeiTConfig,
    DeiTModel,
    DonutSwinConfig,
    DonutSwinModel,
    PreTrainedModel,
    SwinConfig,
    SwinModel,
    ViTConfig,
    ViTModel,
)

from tests.oracle import ACTIVATIONS, ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE, spread
from tests.vision.windows import window_settings

CLASSES: dict[str, tuple[Any, Any]] = {
    "beit": (BeitConfig, BeitModel),
    "deit": (DeiTConfig, DeiTModel),
    "donut-swin": (DonutSwinConfig, DonutSwinModel),
    "swin": (SwinConfig, SwinModel),
    "vit": (ViTConfig, ViTModel),
}
FAMILIES = tuple(CLASSES)
SEEDS = range(4)

each = [(family, seed) for family in FAMILIES for seed in SEEDS]


def random_settings(family: str, seed: int) -> dict[str, Any]:
    """Fields of a tiny configuration; every variant of the published class is drawn within a few seeds."""
    return _SETTINGS[family](random.Random(f"{family} {seed}"), seed)


def widths(draw: random.Random, seed: int) -> dict[str, Any]:
    """Every size that could be mistaken for another."""
    if seed == ALL_WIDTHS_COINCIDE:
        width, inner, heads, image, patch, channels = 24, 24, 4, 16, 4, 24
    elif seed == NO_WIDTHS_COINCIDE:
        width, inner, heads, image, patch, channels = 24, 20, 6, 10, 5, 3
    else:
        width, inner, channels = draw.choice((12, 16, 24)), draw.randint(5, 40), draw.randint(1, 4)
        heads = draw.choice([n for n in range(1, 9) if width % n == 0])
        patch = draw.randint(2, 5)
        image = patch * draw.randint(2, 4)
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "image_size": image,
        "patch_size": patch,
        "num_channels": channels,
    }


def layers(draw: random.Random, seed: int) -> dict[str, Any]:
    """Depth, activation, dropouts."""
    return {
        "num_hidden_layers": draw.randint(1, 3),
        "hidden_act": ACTIVATIONS[seed % len(ACTIVATIONS)],
        "layer_norm_eps": draw.choice((1e-12, 1e-5, 1e-3)),
        "hidden_dropout_prob": draw.choice((0.0, 0.1)),
        "attention_probs_dropout_prob": draw.choice((0.0, 0.1)),
    }


def _vit(draw: random.Random, seed: int) -> dict[str, Any]:
    settings = {**widths(draw, seed), **layers(draw, seed), "qkv_bias": seed % 2 == 0}
    if seed == 2:  # neither images nor patches are square
        settings |= {"image_size": [12, 20], "patch_size": [4, 5]}
    if seed == 3:
        settings["pooler_output_size"] = draw.randint(5, 9)
    return settings


def _swin(draw: random.Random, seed: int) -> dict[str, Any]:
    return {**window_settings(draw, seed), "use_absolute_embeddings": seed == 3}


def _beit(draw: random.Random, seed: int) -> dict[str, Any]:
    return {
        **widths(draw, seed),
        **layers(draw, seed),
        "num_hidden_layers": draw.randint(2, 3),
        "use_relative_position_bias": seed in (0, 2),
        "use_shared_relative_position_bias": seed in (1, 2),
        "use_absolute_position_embeddings": seed in (1, 3),
        "use_mean_pooling": seed % 2 == 0,
        "use_mask_token": seed in (1, 2),
        "layer_scale_init_value": 0.0 if seed == 3 else 0.1,
    }


_SETTINGS = {"beit": _beit, "deit": _vit, "donut-swin": window_settings, "swin": _swin, "vit": _vit}


def random_model(family: str, seed: int, **changes: Any) -> PreTrainedModel:
    """The model in eval mode, every parameter drawn from a normal of deviation 0.2, norm scales around 1."""
    torch.manual_seed(seed)
    config, model_class = CLASSES[family]
    model: PreTrainedModel = spread(model_class(config(**{**random_settings(family, seed), **changes})))
    return model


def save(family: str, seed: int, folder: Path, **changes: Any) -> PreTrainedModel:
    """Write the model of a seed in Hub layout, and give it."""
    model = random_model(family, seed, **changes)
    model.save_pretrained(folder)
    return model


def sides(size: int | list[int]) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def random_images(config: Any, seed: int, rows: int = 3, size: tuple[int, int] | None = None) -> Tensor:
    """`pixel_values` [rows, channels, height, width]."""
    height, width = size or sides(config.image_size)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, config.num_channels, height, width, generator=generator)
