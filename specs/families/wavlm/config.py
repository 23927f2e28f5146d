"""The fields of a WavLM config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.families.wav2vec2.config import leaked
from specs.families.wav2vec2.fields import (
    Adapter,
    Codebook,
    FeatureNorm,
    LayerOrder,
    PhonemeHead,
    SpeakerHead,
    WaveformConfig,
    WidePositions,
)
from specs.fields import Size


class WavLMConfig(
    FeatureNorm, LayerOrder, WidePositions, Adapter, PhonemeHead, Codebook, SpeakerHead, WaveformConfig
):
    """A WavLM encoder; what its published heads are made of is kept, and not computed with."""

    vocab_size: Size = Field(32, description="number of ids of a transcription head")
    num_buckets: Size = Field(320, description="rows of the table of distances, both directions together")
    max_bucket_distance: Size = Field(800, description="distance from which on all share the last row")


_SWITCH = "a training switch of the writing library"

LEAKED = leaked(
    WavLMConfig,
    freeze_feat_extract_train=_SWITCH,
    mask_channel_length="a name of mask_feature_length that the published class never reads",
    mask_channel_min_space=_SWITCH,
    mask_channel_other=_SWITCH,
    mask_channel_prob="a name of mask_feature_prob that the published class never reads",
    mask_channel_selection=_SWITCH,
    mask_time_min_space=_SWITCH,
    mask_time_other=_SWITCH,
    mask_time_selection=_SWITCH,
    no_mask_channel_overlap=_SWITCH,
    no_mask_time_overlap=_SWITCH,
    replace_prob="of a loss that the published class does not have",
)
"""Fields that published files carry and that say nothing about this model."""
