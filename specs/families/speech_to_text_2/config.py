"""The fields of a Speech2Text2 config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.decoders import TRAINING, TokenDecoderConfig, decoder_rules
from specs.fields import Activation, Depth, Rate, Size
from specs.halves import BY_ROLE


class Speech2Text2Config(TokenDecoderConfig):
    """A Speech2Text2 decoder."""

    vocab_size: Size = Field(10000, description="number of token ids")
    decoder_layers: Depth = Field(6, description="layers")
    decoder_ffn_dim: Size = Field(2048, description="width inside the feed-forward networks")
    decoder_attention_heads: Size = Field(4, description="attention heads of a layer")
    decoder_layerdrop: Rate = Field(0.0, description="probability that training skips a layer")
    activation_function: Activation = Field("relu", description="activation of the feed-forward networks")
    d_model: Size = Field(256, description="width of the decoder")
    scale_embedding: bool = Field(True, description="multiply embeddings by the root of the width")
    max_target_positions: Size = Field(1024, description="positions")


_ENCODER = "of an encoder, which this family has none of"

LEAKED = {
    "classifier_dropout": "the published model has no classifier",
    "conv_channels": _ENCODER,
    "conv_kernel_sizes": _ENCODER,
    "do_stable_layer_norm": _ENCODER,
    "encoder_attention_heads": _ENCODER,
    "encoder_ffn_dim": _ENCODER,
    "encoder_layerdrop": _ENCODER,
    "encoder_layers": _ENCODER,
    "gradient_checkpointing": "a training switch of the writing library",
    "input_channels": _ENCODER,
    "input_feat_per_channel": _ENCODER,
    "max_source_positions": _ENCODER,
    "num_conv_layers": _ENCODER,
    "use_cache": "decoding here always uses its cache when given one",
}
"""Fields that published files carry and that say nothing about this model."""

ALIASES = {
    "hidden_size": "d_model",
    "num_attention_heads": "decoder_attention_heads",
    "num_hidden_layers": "decoder_layers",
}
"""Second names of fields in published files."""

INERT = frozenset({*TRAINING, "decoder_layerdrop", "max_target_positions", *BY_ROLE})
"""Fields that do not change what a trained model computes within its limits."""

rules = decoder_rules
"""What no single field shows: the role, the ids needed, and ids against the vocabulary."""
