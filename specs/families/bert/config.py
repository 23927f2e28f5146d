"""The fields of a BERT config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from specs.fields import Activation, Depth, Deviation, Id, Ids, Rate, Size
from specs.halves import BY_ROLE, HalfConfig


class BertConfig(HalfConfig):
    """A BERT encoder or decoder."""

    vocab_size: Size = Field(30522, description="number of token ids")
    hidden_size: Size = Field(768, description="width of the model")
    num_hidden_layers: Depth = Field(12, description="layers")
    num_attention_heads: Size = Field(12, description="attention heads of a layer")
    intermediate_size: Size = Field(3072, description="width inside the feed-forward networks")
    hidden_act: Activation = Field("gelu", description="activation of feed-forward networks and head")
    hidden_dropout_prob: Rate = Field(0.1, description="dropout on embeddings and sub-layer outputs")
    attention_probs_dropout_prob: Rate = Field(0.1, description="dropout on attention weights")
    max_position_embeddings: Size = Field(512, description="positions")
    type_vocab_size: Size = Field(2, description="number of token types")
    initializer_range: Deviation = Field(0.02, description="standard deviation of initial weights")
    layer_norm_eps: Rate = Field(1e-12, description="added to variances by the norms")
    position_embedding_type: Literal["absolute"] = Field("absolute", description="kind of positions")
    pad_token_id: Id | None = Field(0, description="id of padding")
    bos_token_id: Id | None = Field(None, description="id of the beginning of a sentence")
    eos_token_id: Id | Ids | None = Field(None, description="id, or ids, that end a sentence")
    decoder_start_token_id: Id | None = Field(None, description="id a decoder starts from")
    tie_word_embeddings: bool = Field(True, description="share the embedding with the output projection")


LEAKED = {
    "classifier_dropout": "the classifier is no part of the model",
    "gradient_checkpointing": "a training switch of the writing library",
    "use_cache": "decoding here always uses its cache when given one",
}
"""Fields that published files carry and that say nothing about this model."""

INERT = frozenset(
    {
        "attention_probs_dropout_prob",
        "bos_token_id",
        "decoder_start_token_id",
        "eos_token_id",
        "hidden_dropout_prob",
        "initializer_range",
        "max_position_embeddings",
        *BY_ROLE,
    }
)
"""Fields that do not change what a trained model computes within its limits."""
