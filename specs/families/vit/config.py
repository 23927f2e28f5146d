"""The fields of a ViT config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from pydantic import Field

from specs.fields import Activation, Depth, Deviation, Rate, Size
from specs.patches import PatchesConfig


class ViTConfig(PatchesConfig):
    """A ViT encoder; what its published heads are made of is kept, and not computed with."""

    hidden_size: Size = Field(768, description="width of the encoder")
    num_hidden_layers: Depth = Field(12, description="layers")
    num_attention_heads: Size = Field(12, description="attention heads of a layer")
    intermediate_size: Size = Field(3072, description="width inside the feed-forward networks")
    hidden_act: Activation = Field("gelu", description="activation of the feed-forward networks")
    hidden_dropout_prob: Rate = Field(0.0, description="dropout on embeddings and sub-layer outputs")
    attention_probs_dropout_prob: Rate = Field(0.0, description="dropout on attention weights")
    initializer_range: Deviation = Field(0.02, description="standard deviation of initial weights")
    layer_norm_eps: Rate = Field(1e-12, description="added to variances by the norms")
    qkv_bias: bool = Field(True, description="whether queries, keys and values add a bias")
    encoder_stride: Size = Field(16, description="scale of the head that paints masked patches")
    pooler_output_size: Size | None = Field(
        None, description="width of the pooled output; null for hidden_size"
    )
    pooler_act: Activation = Field("tanh", description="activation of the pooled output")


HEADS = frozenset({"encoder_stride", "pooler_act", "pooler_output_size"})
"""Fields of the published heads, which an encoder does without."""

INERT = HEADS | {"attention_probs_dropout_prob", "hidden_dropout_prob", "initializer_range"}
"""Fields that do not change what a trained encoder computes."""
