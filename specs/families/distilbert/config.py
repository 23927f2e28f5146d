"""The fields of a DistilBERT config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.fields import Activation, Depth, Deviation, Id, Ids, Rate, Size
from specs.halves import BY_ROLE, HalfConfig


class DistilBertConfig(HalfConfig):
    """A DistilBERT encoder or decoder."""

    vocab_size: Size = Field(30522, description="number of token ids")
    max_position_embeddings: Size = Field(512, description="positions")
    sinusoidal_pos_embds: bool = Field(False, description="whether positions start as sines and cosines")
    n_layers: Depth = Field(6, description="layers")
    n_heads: Size = Field(12, description="attention heads of a layer")
    dim: Size = Field(768, description="width of the model")
    hidden_dim: Size = Field(3072, description="width inside the feed-forward networks")
    dropout: Rate = Field(0.1, description="dropout on embeddings and outputs of feed-forward networks")
    attention_dropout: Rate = Field(0.1, description="dropout on attention weights")
    activation: Activation = Field("gelu", description="activation of feed-forward networks and head")
    initializer_range: Deviation = Field(0.02, description="standard deviation of initial weights")
    pad_token_id: Id | None = Field(0, description="id of padding")
    bos_token_id: Id | None = Field(None, description="id of the beginning of a sentence")
    eos_token_id: Id | Ids | None = Field(None, description="id, or ids, that end a sentence")
    decoder_start_token_id: Id | None = Field(None, description="id a decoder starts from")
    tie_word_embeddings: bool = Field(True, description="share the embedding with the output projection")


_CLASSIFIER = "of a classifier that is no part of the model"

LEAKED = {
    "gradient_checkpointing": "a training switch of the writing library",
    "output_past": "decoding here always uses its cache when given one",
    "qa_dropout": _CLASSIFIER,
    "seq_classif_dropout": _CLASSIFIER,
    "tie_weights_": "an older switch, which the published classes do not read",
    "use_cache": "decoding here always uses its cache when given one",
}
"""Fields that published files carry and that say nothing about this model."""

ALIASES = {"hidden_size": "dim", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"}
"""Second names of fields in published files."""

INERT = frozenset(
    {
        "attention_dropout",
        "bos_token_id",
        "decoder_start_token_id",
        "dropout",
        "eos_token_id",
        "initializer_range",
        "max_position_embeddings",
        "sinusoidal_pos_embds",
        *BY_ROLE,
    }
)
"""Fields that do not change what a trained model computes within its limits."""
