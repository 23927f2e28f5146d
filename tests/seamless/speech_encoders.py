"""The public speech encoder of SeamlessM4T v2 by itself, many shapes of it, and ours as it is emitted.

The seed of a configuration is its number in a sequence, never chosen.
"""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor
from transformers import SeamlessM4Tv2Config
from transformers.models.seamless_m4t_v2.modeling_seamless_m4t_v2 import SeamlessM4Tv2SpeechEncoder

from specs.builder import GraphBuilder
from specs.families.seamless_m4t_v2.speech_encoder import rows, speech_encoder
from specs.graph import Graph
from specs.initialisation import normal_initialisation
from specs.values import View
from tests.oracle import ACTIVATIONS, ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE, random_mask, spread
from tests.seamless.parts import loaded, view

SEEDS = range(12)


def random_settings(seed: int) -> dict[str, Any]:
    """Fields of a tiny configuration; every variant of the published class is drawn within a few seeds."""
    draw = random.Random(f"speech encoder {seed}")
    width, inner, features = draw.choice((12, 16, 24)), draw.randint(5, 40), 2 * draw.randint(3, 10)
    heads = draw.choice([n for n in range(1, 9) if width % n == 0])
    if seed == ALL_WIDTHS_COINCIDE:
        width, inner, features, heads = 24, 24, 24, 3
    elif seed == NO_WIDTHS_COINCIDE:
        width, inner, features, heads = 24, 20, 14, 6
    adapters = (1, 2, 1, 0)[seed % 4]
    return {
        "hidden_size": width,
        "speech_encoder_intermediate_size": inner,
        "feature_projection_input_dim": features,
        "speech_encoder_attention_heads": heads,
        "speech_encoder_layers": draw.randint(1, 3),
        "speech_encoder_hidden_act": ACTIVATIONS[seed % len(ACTIVATIONS)],
        "speech_encoder_dropout": draw.choice((0.0, 0.1)),
        "speech_encoder_layerdrop": draw.choice((0.0, 0.1)),
        "layer_norm_eps": draw.choice((1e-5, 1e-3)),
        "conv_depthwise_kernel_size": draw.choice((1, 3, 5, 7)),
        "position_embeddings_type": "none" if seed % 3 == 2 else "relative_key",
        "left_max_position_embeddings": draw.choice((0, 1, 4, 64)),
        "right_max_position_embeddings": draw.choice((0, 1, 3, 8)),
        "speech_encoder_chunk_size": draw.choice((1, 3, 5, 8, 20000)),
        "speech_encoder_left_chunk_num": draw.choice((-3, -1, 0, 1, 2, 128)),
        "add_adapter": seed % 5 != 4,
        "num_adapter_layers": adapters,
        "adaptor_kernel_size": draw.randint(1, 8) if adapters == 1 else draw.randint(1, 4),
        "adaptor_stride": draw.randint(1, 8) if adapters == 1 else draw.randint(1, 4),
        "adaptor_dropout": draw.choice((0.0, 0.1)),
    }


def config_of(seed: int, **changes: Any) -> SeamlessM4Tv2Config:
    """The public configuration of a seed, with some fields otherwise."""
    return SeamlessM4Tv2Config(**{**random_settings(seed), **changes})


def published(seed: int, **changes: Any) -> SeamlessM4Tv2SpeechEncoder:
    """The public encoder of a seed in eval mode, its parameters spread."""
    torch.manual_seed(seed)
    model: SeamlessM4Tv2SpeechEncoder = spread(SeamlessM4Tv2SpeechEncoder(config_of(seed, **changes)))
    return model


def stored(theirs: SeamlessM4Tv2SpeechEncoder) -> dict[str, Tensor]:
    """The parameters of the public encoder, named as in a file of the whole model."""
    return {f"speech_encoder.{name}": tensor for name, tensor in theirs.state_dict().items()}


def graph_of(c: View) -> Graph:
    """The encoder as a graph of its own."""
    g = GraphBuilder("speech-encoder")
    width = c.feature_projection_input_dim
    features = g.input("input_features", "features", ("batch", "frames", width))
    mask = g.input("attention_mask", "mask", ("batch", "frames"), "int64", optional=True)
    side = speech_encoder(g, c, features, mask)
    assert side.mask is not None
    normal = normal_initialisation(c.initializer_range, "nn.Linear", "nn.Embedding", "nn.LayerNorm")
    outputs = {"hidden": side.output, "mask": side.mask}
    return g.graph(outputs, (side.output, side.mask), initialisations=(*side.initialisations, *normal))


def ours_of(theirs: SeamlessM4Tv2SpeechEncoder) -> Any:
    """Ours with the parameters of theirs, every one of which has its row."""
    c = view(theirs.config)
    model = loaded(graph_of(c), rows(c), stored(theirs))
    assert len(model.state_dict()) == len(stored(theirs)), "a stored tensor feeds a parameter"
    return model


def random_batch(seed: int, rows: int = 4, **changes: Any) -> tuple[Tensor, Tensor]:
    """Padded features and their mask. Padded frames hold numbers, not zeros: a mask left out shows."""
    generator = torch.Generator().manual_seed(seed)
    draw = random.Random(f"features {seed}")
    frames = draw.randint(20, 36)
    mask = random_mask(draw, frames, 1, rows)
    width = {**random_settings(seed), **changes}["feature_projection_input_dim"]
    return torch.randn(rows, frames, width, generator=generator), mask
