"""The fields of a BEiT config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field, FiniteFloat

from specs.fields import Activation, Count, Depth, Deviation, Rate, Size, Sizes
from specs.patches import PatchesConfig, grid, patch_rules
from specs.problems import Problem
from specs.values import View


class BeitConfig(PatchesConfig):
    """A BEiT encoder; what its published heads are made of is kept, and not computed with."""

    vocab_size: Size = Field(8192, description="number of ids of a head that names hidden patches")
    hidden_size: Size = Field(768, description="width of the encoder")
    num_hidden_layers: Depth = Field(12, description="layers")
    num_attention_heads: Size = Field(12, description="attention heads of a layer")
    intermediate_size: Size = Field(3072, description="width inside the feed-forward networks")
    hidden_act: Activation = Field("gelu", description="activation of the feed-forward networks")
    hidden_dropout_prob: Rate = Field(0.0, description="dropout on embeddings and sub-layer outputs")
    attention_probs_dropout_prob: Rate = Field(0.0, description="dropout on attention weights")
    initializer_range: Deviation = Field(0.02, description="standard deviation of initial weights")
    layer_norm_eps: Rate = Field(1e-12, description="added to variances by the norms")
    use_mask_token: bool = Field(False, description="whether a vector stands for hidden patches in training")
    use_absolute_position_embeddings: bool = Field(
        False, description="whether patches have learned positions"
    )
    use_relative_position_bias: bool = Field(False, description="whether each layer has relative positions")
    use_shared_relative_position_bias: bool = Field(
        False, description="whether all layers share a table of relative positions"
    )
    layer_scale_init_value: FiniteFloat = Field(
        0.1, description="initial factor of what each sub-layer adds; none where it is not above zero"
    )
    drop_path_rate: Rate = Field(
        0.1, description="how often the last layer's branches are dropped in training"
    )
    use_mean_pooling: bool = Field(
        True, description="whether patches are averaged by the pooler, which has the last norm then"
    )
    pool_scales: Sizes = Field([1, 2, 3, 6], description="scales of a segmentation head")
    use_auxiliary_head: bool = Field(True, description="whether a segmentation model has a second head")
    auxiliary_loss_weight: FiniteFloat = Field(0.4, description="weight of the second head's loss")
    auxiliary_channels: Size = Field(256, description="channels of the second head")
    auxiliary_num_convs: Count = Field(1, description="convolutions of the second head")
    auxiliary_concat_input: bool = Field(False, description="whether the second head sees its input again")
    semantic_loss_ignore_index: int = Field(255, description="label that a segmentation loss leaves out")
    add_fpn: bool = Field(False, description="whether a backbone ends in a pyramid")
    reshape_hidden_states: bool = Field(True, description="layout of a backbone's states")


LEAKED = {
    "_out_features": "names layers of a backbone",
    "_out_indices": "names layers of a backbone",
    "gradient_checkpointing": "a training switch of the writing library",
    "out_features": "names layers of a backbone",
    "out_indices": "names layers of a backbone",
    "segmentation_indices": "names layers of a backbone",
    "stage_names": "names layers of a backbone",
}
"""Fields that published files carry and that say nothing about this model."""

HEADS = frozenset(
    {
        "add_fpn",
        "auxiliary_channels",
        "auxiliary_concat_input",
        "auxiliary_loss_weight",
        "auxiliary_num_convs",
        "pool_scales",
        "reshape_hidden_states",
        "semantic_loss_ignore_index",
        "use_auxiliary_head",
        "use_mask_token",
        "vocab_size",
    }
)
"""Fields of the published heads, which an encoder does without."""

INERT = HEADS | {
    "attention_probs_dropout_prob",
    "drop_path_rate",
    "hidden_dropout_prob",
    "initializer_range",
}
"""Fields that do not change what a trained encoder computes."""


def rules(c: View) -> Iterable[Problem]:
    """What no single field shows: patches that divide the image, and relative positions over a square."""
    yield from patch_rules(c)
    rows, columns = grid(c)
    relative = c.use_relative_position_bias or c.use_shared_relative_position_bias
    if relative and int(rows) != int(columns):
        switch = (
            c.use_relative_position_bias
            if c.use_relative_position_bias
            else c.use_shared_relative_position_bias
        )
        yield Problem(
            "XL116",
            f"relative positions over {int(rows)} x {int(columns)} patches are not supported",
            (
                (c.image_size.origin or "", "not square in patches"),
                (switch.origin or "", "relative positions"),
            ),
            info=("the published class reads its table with height and width exchanged there",),
            help="give images as many patches high as wide, or leave relative positions out",
        )


def shares(c: View) -> bool:
    """Whether layers share a table of relative positions."""
    return bool(c.use_shared_relative_position_bias)


def scales(c: View) -> bool:
    """Whether what sub-layers add has learned factors."""
    return float(c.layer_scale_init_value) > 0
