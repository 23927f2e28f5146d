"""The fields of a BART config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from specs.fields import (
    SPECIAL_IDS,
    Activation,
    Depth,
    Deviation,
    Id,
    Ids,
    Rate,
    Size,
    ids_in_vocabulary,
    pad_id_given,
)
from specs.halves import WHOLE_BY_ROLE, RoleConfig, role_as_stated
from specs.problems import Problem
from specs.values import View


class BartConfig(RoleConfig):
    """A BART encoder and decoder, or one of them."""

    vocab_size: Size = Field(50265, description="number of token ids")
    max_position_embeddings: Size = Field(1024, description="positions of the encoder, and of the decoder")
    encoder_layers: Depth = Field(12, description="encoder layers")
    encoder_ffn_dim: Size = Field(4096, description="width inside the encoder's feed-forward networks")
    encoder_attention_heads: Size = Field(16, description="attention heads of an encoder layer")
    decoder_layers: Depth = Field(12, description="decoder layers")
    decoder_ffn_dim: Size = Field(4096, description="width inside the decoder's feed-forward networks")
    decoder_attention_heads: Size = Field(16, description="attention heads of a decoder layer")
    encoder_layerdrop: Rate = Field(0.0, description="probability that training skips an encoder layer")
    decoder_layerdrop: Rate = Field(0.0, description="probability that training skips a decoder layer")
    activation_function: Activation = Field("gelu", description="activation of the feed-forward networks")
    d_model: Size = Field(1024, description="width of encoder and decoder")
    dropout: Rate = Field(0.1, description="dropout on embeddings and sub-layer outputs")
    attention_dropout: Rate = Field(0.0, description="dropout on attention weights")
    activation_dropout: Rate = Field(0.0, description="dropout on feed-forward activations")
    init_std: Deviation = Field(0.02, description="standard deviation of initial weights")
    scale_embedding: bool = Field(False, description="multiply embeddings by the root of the width")
    pad_token_id: Id | None = Field(1, description="id of padding")
    bos_token_id: Id | None = Field(0, description="id of the beginning of a sentence")
    eos_token_id: Id | Ids | None = Field(2, description="id, or ids, that end a sentence")
    decoder_start_token_id: Id | None = Field(2, description="id the decoder starts from")
    forced_eos_token_id: Id | Ids | None = Field(
        2, description="id, or ids, forced where a text reaches its limit"
    )
    tie_word_embeddings: bool = Field(
        True, description="share one embedding among encoder, decoder and output projection"
    )


LEAKED = {
    "_num_labels": "the classifier is no part of the model",
    "add_bias_logits": "the published classes decide it, not the field",
    "add_final_layer_norm": "the published classes decide it, not the field",
    "classif_dropout": "the classifier is no part of the model",
    "classifier_dropout": "the classifier is no part of the model",
    "extra_pos_embeddings": "positions begin at row 2 in any case",
    "gradient_checkpointing": "a training switch of the writing library",
    "normalize_before": "the published classes decide it, not the field",
    "normalize_embedding": "the published classes decide it, not the field",
    "output_past": "decoding here always uses its cache when given one",
    "static_position_embeddings": "the published classes decide it, not the field",
    "use_cache": "decoding here always uses its cache when given one",
}
"""Fields that published files carry and that say nothing about this model."""

ALIASES = {
    "hidden_size": "d_model",
    "num_attention_heads": "encoder_attention_heads",
    "num_hidden_layers": "encoder_layers",
}
"""Second names of fields in published files."""

INERT = frozenset(
    {
        "activation_dropout",
        "attention_dropout",
        "bos_token_id",
        "decoder_layerdrop",
        "decoder_start_token_id",
        "dropout",
        "encoder_layerdrop",
        "eos_token_id",
        "forced_eos_token_id",
        "init_std",
        "max_position_embeddings",
        *WHOLE_BY_ROLE,
    }
)
"""Fields that do not change what a trained model computes within its limits."""


def rules(c: View) -> Iterable[Problem]:
    """What no single field shows: the role, a pad id, and ids against the vocabulary."""
    yield from role_as_stated(c)
    yield from pad_id_given(c, "tell padding from tokens")
    yield from ids_in_vocabulary(c, (*SPECIAL_IDS, "forced_eos_token_id"))
