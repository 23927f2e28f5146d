"""The fields of a TrOCR config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.decoders import TRAINING, TokenDecoderConfig, decoder_rules
from specs.fields import Activation, Depth, Rate, Size
from specs.halves import BY_ROLE


class TrOCRConfig(TokenDecoderConfig):
    """A TrOCR decoder."""

    vocab_size: Size = Field(50265, description="number of token ids")
    d_model: Size = Field(1024, description="width of the decoder")
    decoder_layers: Depth = Field(12, description="layers")
    decoder_attention_heads: Size = Field(16, description="attention heads of a layer")
    decoder_ffn_dim: Size = Field(4096, description="width inside the feed-forward networks")
    activation_function: Activation = Field("gelu", description="activation of the feed-forward networks")
    max_position_embeddings: Size = Field(512, description="positions")
    decoder_layerdrop: Rate = Field(0.0, description="probability that training skips a layer")
    scale_embedding: bool = Field(False, description="multiply embeddings by the root of the width")
    use_learned_position_embeddings: bool = Field(True, description="positions are learned, not sinusoids")
    layernorm_embedding: bool = Field(True, description="normalise the sum of embedding and position")


LEAKED = {
    "classifier_dropout": "the published model has no classifier",
    "gradient_checkpointing": "a training switch of the writing library",
    "use_cache": "decoding here always uses its cache when given one",
}
"""Fields that published files carry and that say nothing about this model."""

ALIASES = {
    "hidden_size": "d_model",
    "num_attention_heads": "decoder_attention_heads",
    "num_hidden_layers": "decoder_layers",
}
"""Second names of fields in published files."""

INERT = frozenset({*TRAINING, "decoder_layerdrop", "max_position_embeddings", *BY_ROLE})
"""Fields that do not change what a trained model computes within its limits."""

rules = decoder_rules
"""What no single field shows: the role, the ids needed, and ids against the vocabulary."""
