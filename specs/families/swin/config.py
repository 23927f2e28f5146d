"""The fields of a Swin config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import Field, FiniteFloat

from specs.fields import Activation, Depth, Deviation, Rate, Size
from specs.patches import PatchesConfig, Sides, sides
from specs.problems import Problem
from specs.values import Value, View, plain


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


def rules(c: View) -> Iterable[Problem]:
    """What no single field shows: lists of one length, sizes that follow from others."""
    stages = len(c.depths)
    if stages != len(c.num_heads):
        yield Problem(
            "XL303",
            f"depths has {stages} numbers and num_heads {len(c.num_heads)}, for the same stages",
            tuple((field.origin or "", f"{len(field)} numbers") for field in (c.num_heads, c.depths)),
            info=("every stage has its number of layers and its number of heads",),
            help=f"list {stages} numbers in both",
        )
    for name, value in derived(c).items():
        stated = getattr(c, name)
        if plain(stated) not in (None, value):
            yield Problem(
                "XL116",
                f"{name} is {plain(stated)}, and {value} follows from the other fields",
                ((stated.origin or "", f"not {value}"), *_causes(c, name)),
                info=("the published class computes it by itself, and a decoder would read this number",),
                help=f"remove `{name}`",
            )
    if c.use_absolute_embeddings and any(
        _is_cut(side, cut) for side, cut in zip(sides(c.image_size), sides(c.patch_size), strict=True)
    ):
        yield Problem(
            "XL116",
            "patches with learned positions have to divide the image",
            (
                (c.use_absolute_embeddings.origin or "", "learned positions"),
                (c.image_size.origin or "", "not divided"),
                (c.patch_size.origin or "", "by this"),
            ),
            info=("the published table has a position for whole patches only, and its class fails",),
            help="use an image size that is a multiple of patch_size",
        )
    else:
        yield from undivided(c)


def _is_cut(side: Value, cut: Value) -> bool:
    return int(side) % int(cut) != 0


def _causes(c: View, name: str) -> tuple[tuple[str, str], ...]:
    fields = (c.depths,) if name == "num_layers" else (c.embed_dim, c.depths)
    return tuple((field.origin or "", "from this") for field in fields)


def undivided(c: View) -> Iterable[Problem]:
    """XL309 where patches do not divide the image, or windows a stage's grid."""
    image, patch = sides(c.image_size), sides(c.patch_size)
    for side, cut, name in zip(image, patch, ("height", "width"), strict=True):
        if _is_cut(side, cut):
            yield _filled(
                f"patches of {int(cut)} pixels do not divide an image's {name} of {int(side)}",
                (side, f"{name} {int(side)}"),
                (cut, f"patches of {int(cut)}"),
                f"use a multiple of {int(cut)}",
            )
    window = int(c.window_size)
    for stage, cells in enumerate(grids(c)):
        rows, columns = int(cells[0]), int(cells[1])
        if window < min(rows, columns) and (rows % window or columns % window):
            yield _filled(
                f"windows of {window} do not divide the grid of {rows} x {columns} patches of stage {stage}",
                (c.image_size, f"{rows} x {columns} patches"),
                (c.window_size, f"windows of {window}"),
                "use an image of which every stage's grid is a multiple of the window",
            )
            return


def _filled(message: str, first: tuple[Value, str], second: tuple[Value, str], help: str) -> Problem:
    return Problem(
        "XL309",
        message,
        tuple((field.origin or "", label) for field, label in (first, second)),
        info=("the last one is filled with zeros, which take part in attention, as in the published class",),
        help=help,
        severity="warning",
    )
