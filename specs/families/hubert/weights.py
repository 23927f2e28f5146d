"""Where a HuBERT checkpoint keeps each parameter."""

from __future__ import annotations

from specs.families.wav2vec2.weights import (
    CLASSIFICATION,
    FEATURE_NORM,
    TRANSCRIPTION,
    encoder_map,
    encoder_rows,
)
from specs.values import View
from specs.weights import WeightMap, affine

_HEADS = {"a transcription head": TRANSCRIPTION, "a classification head": CLASSIFICATION}


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    prefix = "hubert."
    rows = list(encoder_rows(c, prefix))
    if c.feat_proj_layer_norm:
        rows += affine("encoder.feature_norm", f"{prefix}{FEATURE_NORM}")
    return encoder_map(c, prefix, rows, _HEADS)
