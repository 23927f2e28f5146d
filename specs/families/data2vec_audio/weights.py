"""Where a data2vec checkpoint of audio keeps each parameter."""

from __future__ import annotations

from specs.families.wav2vec2.weights import adapter_rows, encoder_map, heads_of, input_rows, layer_rows
from specs.values import View
from specs.weights import WeightMap, affine

HEADS = heads_of(
    "Data2VecAudio", "ForCTC", "ForSequenceClassification", "ForAudioFrameClassification", "ForXVector"
)


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    prefix = "data2vec_audio."
    rows = [
        *input_rows(c, prefix),
        *affine("encoder.positions.{i}.conv", f"{prefix}encoder.pos_conv_embed.layers.{{i}}.conv"),
        *layer_rows(prefix),
        *adapter_rows(c, prefix),
    ]
    return encoder_map(c, prefix, rows, HEADS, has_magnitudes=False)
