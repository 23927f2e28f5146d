"""The fields of a HuBERT config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.families.wav2vec2.fields import FeatureNorm, LayerOrder, WaveformConfig, WidePositions
from specs.fields import Size


class HubertConfig(FeatureNorm, LayerOrder, WidePositions, WaveformConfig):
    """A HuBERT encoder; what its published heads are made of is kept, and not computed with."""

    vocab_size: Size = Field(32, description="number of ids of a transcription head")
    feat_proj_layer_norm: bool = Field(True, description="whether features are normalised before projection")
    conv_pos_batch_norm: bool = Field(False, description="positions normalised over the batch")
