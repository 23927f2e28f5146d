"""The fields of a GPT-2 config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.fields import Activation, Depth, Deviation, Id, Ids, Rate, Size
from specs.halves import BY_ROLE, HalfConfig


class GPT2Config(HalfConfig):
    """A GPT-2 decoder."""

    vocab_size: Size = Field(50257, description="number of token ids")
    n_positions: Size = Field(1024, description="positions")
    n_embd: Size = Field(768, description="width of the model")
    n_layer: Depth = Field(12, description="layers")
    n_head: Size = Field(12, description="attention heads of a layer")
    n_inner: Size | None = Field(
        None, description="width inside the feed-forward networks, if not four times the model's"
    )
    activation_function: Activation = Field("gelu_new", description="activation of the feed-forward networks")
    resid_pdrop: Rate = Field(0.1, description="dropout on sub-layer outputs")
    embd_pdrop: Rate = Field(0.1, description="dropout on embeddings")
    attn_pdrop: Rate = Field(0.1, description="dropout on attention weights")
    layer_norm_epsilon: Rate = Field(1e-5, description="added to variances by the norms")
    initializer_range: Deviation = Field(0.02, description="standard deviation of initial weights")
    scale_attn_weights: bool = Field(True, description="divide scores by the root of a head's width")
    scale_attn_by_inverse_layer_idx: bool = Field(
        False, description="divide scores by the number of the layer too"
    )
    bos_token_id: Id | None = Field(50256, description="id of the beginning of a text")
    eos_token_id: Id | Ids | None = Field(50256, description="id, or ids, that end a text")
    pad_token_id: Id | None = Field(None, description="id of padding")
    decoder_start_token_id: Id | None = Field(None, description="id a decoder starts from")
    tie_word_embeddings: bool = Field(True, description="share the embedding with the output projection")


LEAKED = {
    "gradient_checkpointing": "a training switch of the writing library",
    "n_ctx": "the length it was trained with, which no layer reads",
    "reorder_and_upcast_attn": "scores are added up in float32 in any case",
    "summary_activation": "of a classifier that is no part of the model",
    "summary_first_dropout": "of a classifier that is no part of the model",
    "summary_proj_to_labels": "of a classifier that is no part of the model",
    "summary_type": "of a classifier that is no part of the model",
    "summary_use_proj": "of a classifier that is no part of the model",
    "use_cache": "decoding here always uses its cache when given one",
}
"""Fields that published files carry and that say nothing about this model."""

ALIASES = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}
"""Second names of fields in published files."""

INERT = frozenset(
    {
        "attn_pdrop",
        "bos_token_id",
        "decoder_start_token_id",
        "embd_pdrop",
        "eos_token_id",
        "initializer_range",
        "n_positions",
        "pad_token_id",
        "resid_pdrop",
        *BY_ROLE,
    }
)
"""Fields that do not change what a trained model computes within its limits."""
