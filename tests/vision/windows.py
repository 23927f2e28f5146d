"""Random tiny configurations of encoders that attend within windows."""

from __future__ import annotations

import random
from typing import Any

from tests.oracle import ACTIVATIONS, ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE


def window_settings(draw: random.Random, seed: int) -> dict[str, Any]:
    """Windows that divide a grid, are as large as it, or do not divide it; one stage to three."""
    return {
        **_SHAPES[seed],
        "hidden_act": ACTIVATIONS[seed % len(ACTIVATIONS)],
        "qkv_bias": seed % 2 == 0,
        "layer_norm_eps": draw.choice((1e-5, 1e-3)),
        "hidden_dropout_prob": draw.choice((0.0, 0.1)),
        "attention_probs_dropout_prob": draw.choice((0.0, 0.1)),
        "drop_path_rate": draw.choice((0.0, 0.1, 0.3)),
    }


_SHAPES: dict[int, dict[str, Any]] = {
    ALL_WIDTHS_COINCIDE: {
        "image_size": 16,
        "patch_size": 4,
        "num_channels": 24,
        "embed_dim": 24,
        "depths": [4],
        "num_heads": [4],
        "window_size": 4,  # one window is the whole grid
        "mlp_ratio": 1.0,
    },
    NO_WIDTHS_COINCIDE: {
        "image_size": [18, 26],
        "patch_size": 2,
        "num_channels": 5,
        "embed_dim": 12,
        "depths": [2, 3],
        "num_heads": [3, 8],
        "window_size": 4,  # 9 x 13 cells, then 5 x 7
        "mlp_ratio": 1.5,
    },
    2: {
        "image_size": [34, 47],  # no multiple of a patch
        "patch_size": [3, 2],
        "num_channels": 1,
        "embed_dim": 6,
        "depths": [2, 1, 2],
        "num_heads": [2, 3, 6],
        "window_size": 3,  # 12 x 24 cells, 6 x 12, and 3 x 6: no shift there
        "mlp_ratio": 2.0,
    },
    3: {
        "image_size": 24,
        "patch_size": 2,
        "num_channels": 3,
        "embed_dim": 8,
        "depths": [2, 2],
        "num_heads": [2, 1],
        "window_size": 6,  # 12 x 12 cells and 6 x 6
        "mlp_ratio": 3.3,
    },
}
