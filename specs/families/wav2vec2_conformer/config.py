"""The fields of a wav2vec 2.0 Conformer config.json, with the defaults of the published configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from specs.families.wav2vec2.fields import (
    Adapter,
    Codebook,
    FeatureNorm,
    QuantizerDropout,
    SpeakerHead,
    WaveformConfig,
    WidePositions,
)
from specs.fields import Rate, Size


class Wav2Vec2ConformerConfig(
    FeatureNorm, WidePositions, Adapter, Codebook, QuantizerDropout, SpeakerHead, WaveformConfig
):
    """A Conformer encoder; what its published heads are made of is kept, and not computed with."""

    vocab_size: Size | None = Field(None, description="number of ids of a transcription head")
    position_embeddings_type: Literal["relative", "rotary"] | None = Field(
        "relative", description="how attention knows positions; null for not at all"
    )
    rotary_embedding_base: Size = Field(10000, description="base of the frequencies of rotary positions")
    max_source_positions: Size = Field(5000, description="positions of a table that grows on demand")
    conv_depthwise_kernel_size: Size = Field(31, description="kernel width of the layers' convolutions")
    conformer_conv_dropout: Rate = Field(0.1, description="dropout on the layers' convolutions")
