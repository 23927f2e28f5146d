"""The BEiT encoder as a graph."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.beit.config import scales, shares
from specs.family import Side
from specs.graph import Ref, Tie
from specs.initialisation import Initialisation, normal_initialisation
from specs.patches import grid, sides
from specs.values import Value, View


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """Patches behind their leading token, layers; a norm where none is left to the pooler."""
    hidden = g.node("encoder.layers", "grid_encoder", _layers(c), hidden=_embedded(g, c))
    if not c.use_mean_pooling:
        norm = {"width": c.hidden_size, "eps": c.layer_norm_eps}
        hidden = g.node("encoder.norm", "layer_norm", norm, hidden=hidden)
    return Side(hidden, ties=tuple(_ties(c)), initialisations=_initialisations(c))


def _embedded(g: GraphBuilder, c: View) -> Ref:
    (height, width), (patch_height, patch_width) = sides(c.image_size), sides(c.patch_size)
    image = g.input("pixel_values", "image", ("batch", c.num_channels, height, width))
    patches = {
        "channels": c.num_channels,
        "patch_height": patch_height,
        "patch_width": patch_width,
        "width": c.hidden_size,
    }
    hidden = g.node("encoder.patches", "patch_embedding", patches, image=image)
    hidden = g.node("encoder.cls_token", "leading_token", {"width": c.hidden_size}, hidden=hidden)
    dropout = {"dropout": c.hidden_dropout_prob}
    if not c.use_absolute_position_embeddings:
        return g.node("encoder.dropout", "dropout", dropout, hidden=hidden)
    rows, columns = grid(c)
    numbers = {"states": rows * columns + 1, "width": c.hidden_size, **dropout}
    return g.node("encoder.positions", "add_position_table", numbers, hidden=hidden)


def tables(c: View) -> str:
    """The tables of relative positions, as the block names them."""
    if c.use_relative_position_bias:
        return "own and shared" if shares(c) else "own"
    return "own" if shares(c) else "none"


def shared_table(c: View) -> str:
    """Where a layer holds the table that all of them share."""
    inner = ".shared" if c.use_relative_position_bias else ""
    return f"encoder.layers.{{i}}.self_attention.position_bias{inner}.table"


def _ties(c: View) -> list[Tie]:
    if not shares(c):
        return []
    address, origin = shared_table(c), c.use_shared_relative_position_bias.origin
    kept = address.replace("{i}", "0")
    return [
        Tie(kept, address.replace("{i}", str(layer)), origin) for layer in range(1, int(c.num_hidden_layers))
    ]


def _layers(c: View) -> dict[str, Value]:
    rows, columns = grid(c)
    return {
        "layers": c.num_hidden_layers,
        "width": c.hidden_size,
        "heads": c.num_attention_heads,
        "inner": c.intermediate_size,
        "grid_rows": rows,
        "grid_columns": columns,
        "activation": c.hidden_act,
        "attention_bias": Value("query and value"),
        "position_bias": Value(tables(c), c.use_relative_position_bias.origin),
        "layer_scale": Value(scales(c), c.layer_scale_init_value.origin),
        "dropout": c.hidden_dropout_prob,
        "attention_dropout": c.attention_probs_dropout_prob,
        "last_depth_rate": c.drop_path_rate,
        "eps": c.layer_norm_eps,
    }


def _initialisations(c: View) -> tuple[Initialisation, ...]:
    """The published draws: tokens, positions and offsets start at zero."""
    zeros = ("zeros", ())
    return (
        *normal_initialisation(c.initializer_range, "nn.Linear", "nn.Conv2d", "nn.LayerNorm"),
        Initialisation("LeadingToken", {"token": zeros}),
        Initialisation("AddPositionTable", {"table": zeros}),
        Initialisation("GridPositionBias", {"table": zeros}),
        Initialisation("ScaledBranch", {"scale": ("constant", (c.layer_scale_init_value,))}),
    )
