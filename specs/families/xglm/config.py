"""The fields of an XGLM config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.decoders import TRAINING, TokenDecoderConfig, decoder_rules
from specs.fields import Activation, Depth, Rate, Size
from specs.halves import BY_ROLE


class XGLMConfig(TokenDecoderConfig):
    """An XGLM decoder."""

    vocab_size: Size = Field(256008, description="number of token ids")
    max_position_embeddings: Size = Field(2048, description="positions")
    d_model: Size = Field(1024, description="width of the decoder")
    ffn_dim: Size = Field(4096, description="width inside the feed-forward networks")
    num_layers: Depth = Field(24, description="layers")
    attention_heads: Size = Field(16, description="attention heads of a layer")
    activation_function: Activation = Field("gelu", description="activation of the feed-forward networks")
    attention_dropout: Rate = Field(0.1, description="dropout on attention weights")
    layerdrop: Rate = Field(0.0, description="probability that training skips a layer")
    scale_embedding: bool = Field(True, description="multiply embeddings by the root of the width")


LEAKED = {
    "gradient_checkpointing": "a training switch of the writing library",
    "use_cache": "decoding here always uses its cache when given one",
}
"""Fields that published files carry and that say nothing about this model."""

ALIASES = {
    "hidden_size": "d_model",
    "num_attention_heads": "attention_heads",
    "num_hidden_layers": "num_layers",
}
"""Second names of fields in published files."""

INERT = frozenset({*TRAINING, "layerdrop", "max_position_embeddings", *BY_ROLE})
"""Fields that do not change what a trained model computes within its limits."""

rules = decoder_rules
"""What no single field shows: the role, the ids needed, and ids against the vocabulary."""
