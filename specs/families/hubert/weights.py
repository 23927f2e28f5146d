"""Where a HuBERT checkpoint keeps each parameter."""

from __future__ import annotations

from specs.families.wav2vec2.weights import (
    batch_counter,
    batch_norm_rows,
    encoder_map,
    heads_of,
    input_rows,
    layer_rows,
    position_rows,
)
from specs.values import View
from specs.weights import WeightMap, affine

HEADS = heads_of("Hubert", "ForCTC", "ForSequenceClassification")


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    prefix, positions = "hubert.", "hubert.encoder.pos_conv_embed"
    rows = [*input_rows(c, prefix, bool(c.feat_proj_layer_norm)), *layer_rows(prefix)]
    if not c.conv_pos_batch_norm:
        return encoder_map(c, prefix, [*rows, *position_rows(prefix)], HEADS)
    rows += affine("encoder.positions.conv", f"{positions}.conv")
    rows += batch_norm_rows("encoder.positions.norm", f"{positions}.batch_norm")
    counter = batch_counter(f"{positions}.batch_norm")
    return encoder_map(c, prefix, rows, HEADS, [counter], has_magnitudes=False)
