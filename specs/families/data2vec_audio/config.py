"""The fields of a data2vec audio config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.families.wav2vec2.fields import Adapter, SpeakerHead, WaveformConfig
from specs.fields import Depth, Size


class Data2VecAudioConfig(Adapter, SpeakerHead, WaveformConfig):
    """A data2vec encoder of audio; what its published heads are made of is kept, and not computed with."""

    vocab_size: Size = Field(32, description="number of ids of a transcription head")
    conv_pos_kernel_size: Size = Field(19, description="kernel width of the convolutional positions")
    num_conv_pos_embeddings: Depth = Field(5, description="convolutions that give the positions")
