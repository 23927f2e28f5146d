"""Where a UniSpeech checkpoint keeps each parameter."""

from __future__ import annotations

from specs.families.wav2vec2.weights import (
    PRETRAINING,
    encoder_map,
    heads_of,
    input_rows,
    layer_rows,
    position_rows,
)
from specs.values import View
from specs.weights import WeightMap

HEADS = {
    **heads_of("UniSpeech", "ForCTC", "ForSequenceClassification"),
    "UniSpeechForPreTraining": (*PRETRAINING, "ctc_proj.weight", "ctc_proj.bias"),
}


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    prefix = "unispeech."
    rows = [*input_rows(c, prefix), *position_rows(prefix), *layer_rows(prefix)]
    return encoder_map(c, prefix, rows, HEADS)
