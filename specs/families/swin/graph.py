"""Encoders of images that attend within windows, as graphs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from specs.builder import GraphBuilder
from specs.families.swin.config import grid, grids
from specs.family import Side
from specs.graph import Ref
from specs.initialisation import Initialisation, normal_initialisation
from specs.patches import sides
from specs.values import Value, View


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """Patches, stages, a norm; of lists of unequal length, which its rules refuse, the shorter counts."""
    hidden = encoded(g, c, c.hidden_dropout_prob)
    norm = {"width": width_of(c, min(len(c.depths), len(c.num_heads)) - 1), "eps": c.layer_norm_eps}
    hidden = g.node("encoder.norm", "layer_norm", norm, hidden=hidden)
    return Side(hidden, initialisations=initialisations(c))


def encoded(g: GraphBuilder, c: View, branch_dropout: Value) -> Ref:
    """Patches, and stages between which they are merged; `branch_dropout` acts on what attention gives."""
    hidden = _embedded(g, c)
    numbers = list(zip(grids(c), c.depths, c.num_heads, _depth_rates(c), strict=False))
    for stage, ((rows, columns), depth, heads, (first, last)) in enumerate(numbers):
        cells = {"grid_rows": rows, "grid_columns": columns, "width": width_of(c, stage)}
        layers = {
            **cells,
            "layers": depth,
            "heads": heads,
            "inner": Value(int(float(c.mlp_ratio) * int(cells["width"])), c.mlp_ratio.origin),
            "window": c.window_size,
            "activation": c.hidden_act,
            "qkv_bias": c.qkv_bias,
            "dropout": c.hidden_dropout_prob,
            "attention_dropout": c.attention_probs_dropout_prob,
            "attention_branch_dropout": branch_dropout,
            "first_depth_rate": first,
            "last_depth_rate": last,
            "eps": c.layer_norm_eps,
        }
        hidden = g.node(f"encoder.stage{stage}", "window_encoder", layers, hidden=hidden)
        if stage < len(numbers) - 1:
            hidden = g.node(f"encoder.merging{stage}", "patch_merging", cells, hidden=hidden)
    return hidden


def width_of(c: View, stage: int) -> Value:
    """Width of a stage: the first one's, doubled at every merging."""
    doubled: Value = c.embed_dim * 2**stage
    return doubled


def _embedded(g: GraphBuilder, c: View) -> Ref:
    (height, width), (patch_height, patch_width) = sides(c.image_size), sides(c.patch_size)
    image = g.input("pixel_values", "image", ("batch", c.num_channels, height, width))
    zeros = {"below": -int(height) % int(patch_height), "right": -int(width) % int(patch_width)}
    if any(zeros.values()):
        numbers = {"channels": c.num_channels, **zeros}
        image = g.node("encoder.image_padding", "image_padding", numbers, image=image)
    patches = {
        "channels": c.num_channels,
        "patch_height": patch_height,
        "patch_width": patch_width,
        "width": c.embed_dim,
    }
    hidden = g.node("encoder.patches", "patch_embedding", patches, image=image)
    hidden = g.node("encoder.embed_norm", "layer_norm", {"width": c.embed_dim}, hidden=hidden)
    dropout = {"dropout": c.hidden_dropout_prob}
    if not c.use_absolute_embeddings:
        return g.node("encoder.dropout", "dropout", dropout, hidden=hidden)
    rows, columns = grid(c)
    numbers = {"states": rows * columns, "width": c.embed_dim, **dropout}
    return g.node("encoder.positions", "add_position_table", numbers, hidden=hidden)


def _depth_rates(c: View) -> Iterator[tuple[Value, Value]]:
    """The rates of each stage's first and last layer, rising evenly over the layers of all stages."""
    depths = [int(depth) for depth in c.depths]
    steps = max(sum(depths) - 1, 1)
    for depth, end in zip(depths, accumulate(depths), strict=True):
        first, last = (
            Value(float(c.drop_path_rate) * index / steps, c.drop_path_rate.origin)
            for index in (end - depth, end - 1)
        )
        yield first, last


def initialisations(c: View) -> tuple[Initialisation, ...]:
    """The published draws: offsets and positions start at zero."""
    zeros = {"table": ("zeros", ())}
    return (
        *normal_initialisation(c.initializer_range, "nn.Linear", "nn.Conv2d", "nn.LayerNorm"),
        Initialisation("WindowPositionBias", zeros),
        Initialisation("AddPositionTable", zeros),
    )
