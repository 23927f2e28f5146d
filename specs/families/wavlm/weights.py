"""Where a WavLM checkpoint keeps each parameter."""

from __future__ import annotations

from specs.families.wav2vec2.weights import (
    STORED_LAYER,
    adapter_rows,
    encoder_map,
    heads_of,
    input_rows,
    layer_rows,
    position_rows,
)
from specs.values import View
from specs.weights import Row, WeightMap

_LAYER = {**STORED_LAYER, "self_attention.gate_proj": "attention.gru_rel_pos_linear"}

HEADS = heads_of("WavLM", "ForCTC", "ForSequenceClassification", "ForAudioFrameClassification", "ForXVector")


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row. The first layer stores what all attend by."""
    prefix = "wavlm."
    stored = f"{prefix}encoder.layers"
    rows = [
        *input_rows(c, prefix),
        *position_rows(prefix),
        *layer_rows(prefix, _LAYER),
        *adapter_rows(c, prefix),
        Row("encoder.layers.{i}.self_attention.gate_scale", (f"{stored}.{{i}}.attention.gru_rel_pos_const",)),
        Row("encoder.position_bias.table.weight", (f"{stored}.0.attention.rel_attn_embed.weight",)),
    ]
    return encoder_map(c, prefix, rows, HEADS)
