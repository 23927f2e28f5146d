"""The fields of a Swin config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, FiniteFloat

from specs.fields import Activation, Depth, Deviation, Rate, Size
from specs.patches import PatchesConfig, Sides, sides
from specs.values import Value, View


class WindowConfig(PatchesConfig):
    """Fields of an image encoder whose layers attend within windows."""

    patch_size: Sides = Field(4, description="height and width of a patch, or one number for both")
    embed_dim: Size = Field(96, description="width of the first stage; each further one doubles it")
    depths: Annotated[list[Depth], Field(min_length=1)] = Field(
        [2, 2, 6, 2], description="layers of each stage"
    )
    num_heads: Annotated[list[Size], Field(min_length=1)] = Field(
        [3, 6, 12, 24], description="attention heads of each stage's layers"
    )
    window_size: Size = Field(7, description="height and width of a window, in patches")
    mlp_ratio: Annotated[FiniteFloat, Field(gt=0, le=1024)] = Field(
        4.0, description="width inside the feed-forward networks, as a multiple of the stage's"
    )
    qkv_bias: bool = Field(True, description="whether queries, keys and values add a bias")
    hidden_dropout_prob: Rate = Field(0.0, description="dropout on embeddings and sub-layer outputs")
    attention_probs_dropout_prob: Rate = Field(0.0, description="dropout on attention weights")
    drop_path_rate: Rate = Field(
        0.1, description="how often the last layer's attention is dropped in training"
    )
    hidden_act: Activation = Field("gelu", description="activation of the feed-forward networks")
    use_absolute_embeddings: bool = Field(False, description="whether patches have learned positions")
    initializer_range: Deviation = Field(0.02, description="standard deviation of initial weights")
    layer_norm_eps: Rate = Field(1e-5, description="added to variances by the layers' norms")
    num_layers: Depth | None = Field(None, description="number of stages; follows from depths")
    hidden_size: Size | None = Field(None, description="width of the last stage; follows from embed_dim")


class SwinConfig(WindowConfig):
    """A Swin encoder; what its published heads are made of is kept, and not computed with."""

    encoder_stride: Size = Field(32, description="pixels that a reconstruction head makes of one cell")


ALIASES = {"num_attention_heads": "num_heads", "num_hidden_layers": "num_layers"}
"""Second names of fields."""

LEAKED = {
    "_out_features": "names stages of a backbone",
    "_out_indices": "names stages of a backbone",
    "gradient_checkpointing": "a training switch of the writing library",
    "out_features": "names stages of a backbone",
    "out_indices": "names stages of a backbone",
    "path_norm": "a switch that the published class does not have",
    "stage_names": "names stages of a backbone",
    "use_cache": "an encoder has no cache",
}
"""Fields that published files carry and that say nothing about this model."""

INERT = frozenset(
    {
        "attention_probs_dropout_prob",
        "drop_path_rate",
        "hidden_dropout_prob",
        "hidden_size",
        "image_size",
        "initializer_range",
        "num_layers",
    }
)
"""Fields that do not change what a trained model computes; windows fit a grid of any size."""


def grid(c: View) -> tuple[Value, Value]:
    """Rows and columns of patches; the last may hold zeros beside the image."""
    image, patch = sides(c.image_size), sides(c.patch_size)
    rows, columns = ((side + (int(cut) - 1)) // cut for side, cut in zip(image, patch, strict=True))
    return rows, columns


def grids(c: View) -> Iterator[tuple[Value, Value]]:
    """Rows and columns of each stage: half of the stage's before, rounded up."""
    rows, columns = grid(c)
    for _ in c.depths:
        yield rows, columns
        rows, columns = (rows + 1) // 2, (columns + 1) // 2


def derived(c: View) -> dict[str, Any]:
    """Fields that follow from others: number and last width of the stages."""
    stages = len(c.depths)
    return {"num_layers": stages, "hidden_size": int(c.embed_dim) * 2 ** (stages - 1)}
