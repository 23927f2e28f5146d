"""Fields of six tiny SeamlessM4T v2 configurations; the seed of one is its number, never chosen.

Every number that could be mistaken for another is drawn: in seed 0 all widths and vocabularies coincide, in
seed 1 no two do. Seed 3 tells no distances, seed 4 has no adapter, seed 5 shares no embeddings.
"""

from __future__ import annotations

import random
from typing import Any

from transformers import SeamlessM4Tv2Config

from tests.oracle import ACTIVATIONS, ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE

SEEDS = range(6)
NO_DISTANCES, NO_ADAPTER, UNTIED = 3, 4, 5
STACKED = 2
"""Frames in one feature vector."""

_WIDTHS = {
    "hidden_size": 24,
    "encoder_ffn_dim": 21,
    "decoder_ffn_dim": 27,
    "speech_encoder_intermediate_size": 19,
    "feature_projection_input_dim": 14,
    "t2u_encoder_ffn_dim": 17,
    "t2u_decoder_ffn_dim": 23,
    "t2u_variance_predictor_hidden_dim": 11,
    "unit_embed_dim": 13,
    "lang_embed_dim": 5,
    "spkr_embed_dim": 9,
    "upsample_initial_channel": 18,
    "vocab_size": 37,
    "t2u_vocab_size": 29,
    "char_vocab_size": 26,
    "unit_hifi_gan_vocab_size": 22,
    "vocoder_num_langs": 7,
    "vocoder_num_spkrs": 8,
}
"""No two are equal."""

_HEADS = (
    "encoder_attention_heads",
    "decoder_attention_heads",
    "speech_encoder_attention_heads",
    "t2u_encoder_attention_heads",
    "t2u_decoder_attention_heads",
)
_DEPTHS = (
    "encoder_layers",
    "decoder_layers",
    "speech_encoder_layers",
    "t2u_encoder_layers",
    "t2u_decoder_layers",
)
_RATES = (
    "dropout",
    "attention_dropout",
    "activation_dropout",
    "encoder_layerdrop",
    "decoder_layerdrop",
    "speech_encoder_dropout",
    "speech_encoder_layerdrop",
    "adaptor_dropout",
    "t2u_variance_pred_dropout",
    "var_pred_dropout",
)


def random_config(seed: int) -> SeamlessM4Tv2Config:
    """The configuration of a seed."""
    draw = random.Random(f"seamless_m4t_v2 {seed}")
    widths = _widths(draw, seed)
    return SeamlessM4Tv2Config(
        **widths,
        t2u_variance_predictor_embed_dim=widths["hidden_size"],
        **_heads(draw, widths["hidden_size"]),
        **{name: draw.randint(1, 2) for name in _DEPTHS},
        **{name: draw.choice((0.0, 0.1)) for name in _RATES},
        **_ids(draw, seed, widths),
        **_speech_encoder(draw, seed),
        **_vocoder(draw),
        activation_function=ACTIVATIONS[seed % len(ACTIVATIONS)],
        scale_embedding=seed % 4 < 2,
        tie_word_embeddings=seed != UNTIED,
        max_position_embeddings=40,
        max_new_tokens=10,
        layer_norm_eps=draw.choice((1e-5, 1e-3)),
        t2u_max_position_embeddings=1000,
        t2u_variance_predictor_kernel_size=draw.randint(1, 5),
        variance_predictor_kernel_size=draw.randint(1, 5),
    )


def _widths(draw: random.Random, seed: int) -> dict[str, int]:
    if seed == ALL_WIDTHS_COINCIDE:
        return dict.fromkeys(_WIDTHS, 24)
    if seed == NO_WIDTHS_COINCIDE:
        return _WIDTHS
    vocabularies = {
        "vocab_size": draw.randint(26, 50),
        "char_vocab_size": draw.randint(14, 30),
        "unit_hifi_gan_vocab_size": draw.randint(18, 30),
        "t2u_vocab_size": draw.randint(20, 40),
        "vocoder_num_langs": draw.randint(3, 9),
        "vocoder_num_spkrs": draw.randint(3, 9),
    }
    drawn = {name: draw.randint(5, 30) for name in _WIDTHS} | vocabularies
    return drawn | {
        "hidden_size": draw.choice((18, 20, 24, 28, 30)),
        "upsample_initial_channel": draw.randint(16, 24),
        "feature_projection_input_dim": STACKED * draw.randint(3, 9),
    }


def _heads(draw: random.Random, width: int) -> dict[str, int]:
    """Heads of every part, as different as the width allows."""
    counts = [n for n in range(1, 9) if width % n == 0]
    return {name: draw.choice(counts) for name in _HEADS}


def _ids(draw: random.Random, seed: int, widths: dict[str, int]) -> dict[str, int]:
    """The published special ids, or others; id 1 is that of unknown text in the published code."""
    if seed % 2 == 0:
        return {"vocoder_offset": 4}
    pad, bos, eos, start = draw.sample((0, 2, 3, 4, 5, 6), 4)
    offset = draw.randint(2, 6)
    units = dict(zip(("pad", "bos", "eos"), draw.sample(range(6), 3), strict=True))
    return {
        "pad_token_id": pad,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "decoder_start_token_id": start,
        "vocoder_offset": offset,
        **{f"t2u_{name}_token_id": id_ for name, id_ in units.items()},
    }


def _speech_encoder(draw: random.Random, seed: int) -> dict[str, Any]:
    """Chunks from one position to all, few distances, strides that differ from kernels."""
    return {
        "speech_encoder_hidden_act": ("swish", *ACTIVATIONS)[seed],
        "speech_encoder_chunk_size": (20000, 4, 3, 1, 5, 6)[seed],
        "speech_encoder_left_chunk_num": (128, 1, -1, 2, 0, -3)[seed],
        "left_max_position_embeddings": draw.randint(0, 5),
        "right_max_position_embeddings": draw.randint(0, 3),
        "position_embeddings_type": "none" if seed == NO_DISTANCES else "relative_key",
        "conv_depthwise_kernel_size": (7, 5, 3, 1, 5, 3)[seed],
        "add_adapter": seed != NO_ADAPTER,
        "num_adapter_layers": (1, 1, 2, 0, 1, 3)[seed],
        "adaptor_kernel_size": (8, 3, 4, 5, 4, 3)[seed],
        "adaptor_stride": (8, 4, 3, 2, 3, 2)[seed],
    }


def _vocoder(draw: random.Random) -> dict[str, Any]:
    """Up-samplings whose kernels are wider than their strides by an even or an odd number."""
    rates = [draw.randint(1, 4) for _ in range(draw.randint(1, 3))]
    blocks = draw.randint(1, 3)
    return {
        "upsample_rates": rates,
        "upsample_kernel_sizes": [rate + draw.randint(0, 4) for rate in rates],
        "resblock_kernel_sizes": [draw.choice((1, 3, 5, 7)) for _ in range(blocks)],
        "resblock_dilation_sizes": [
            [draw.randint(1, 4) for _ in range(draw.randint(1, 3))] for _ in range(blocks)
        ],
        "leaky_relu_slope": draw.choice((0.1, 0.2)),
    }
