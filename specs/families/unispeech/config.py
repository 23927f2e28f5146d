"""The fields of a UniSpeech config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.families.wav2vec2.fields import (
    Codebook,
    FeatureNorm,
    LayerOrder,
    PhonemeHead,
    QuantizerDropout,
    WaveformConfig,
    WidePositions,
)
from specs.fields import Rate, Size


class UniSpeechConfig(
    FeatureNorm, LayerOrder, WidePositions, PhonemeHead, Codebook, QuantizerDropout, WaveformConfig
):
    """A UniSpeech encoder; what its published heads are made of is kept, and not computed with."""

    vocab_size: Size = Field(32, description="number of ids of a transcription head")
    replace_prob: Rate = Field(0.5, description="share of the states that pre-training replaces by codes")
