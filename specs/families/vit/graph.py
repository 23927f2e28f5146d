"""The ViT encoder as a graph."""

from __future__ import annotations

from collections.abc import Iterable

from specs.builder import GraphBuilder
from specs.family import Side
from specs.initialisation import Initialisation, normal_initialisation
from specs.patches import grid, patch_rules, sides
from specs.problems import Problem
from specs.values import Value, View

TOKENS = ("cls_token",)
"""Learned states before the patches, the first first."""


def rules(c: View) -> Iterable[Problem]:
    """What no single field shows: patches that divide the image."""
    yield from patch_rules(c)


def encoder(g: GraphBuilder, c: View, long_input: str) -> Side:
    """Patches behind their leading token, positions, layers, a norm."""
    return encoder_with(g, c, long_input, TOKENS, ("truncated_normal", (c.initializer_range,)))


def encoder_with(
    g: GraphBuilder,
    c: View,
    long_input: str,
    tokens: tuple[str, ...],
    drawn: tuple[str, tuple[Value, ...]],
) -> Side:
    """The encoder of a family with its own leading tokens, drawn, like the positions, in its own way."""
    height, width = sides(c.image_size) if long_input != "grow" else ("image_height", "image_width")
    image = g.input("pixel_values", "image", ("batch", c.num_channels, height, width))
    patch_height, patch_width = sides(c.patch_size)
    patch = {"patch_height": patch_height, "patch_width": patch_width}
    hidden = g.node(
        "encoder.patches",
        "patch_embedding",
        {"channels": c.num_channels, "width": c.hidden_size, **patch},
        image=image,
    )
    for token in reversed(tokens):
        hidden = g.node(f"encoder.{token}", "leading_token", {"width": c.hidden_size}, hidden=hidden)
    rows, columns = grid(c)
    if long_input == "grow":
        numbers = {
            "leading": Value(len(tokens)),
            "grid_rows": rows,
            "grid_columns": columns,
            "width": c.hidden_size,
            **patch,
        }
        numbers["dropout"] = c.hidden_dropout_prob
        hidden = g.node("encoder.positions", "add_grid_positions", numbers, hidden=hidden, image=image)
    else:
        numbers = {"states": rows * columns + len(tokens), "width": c.hidden_size}
        numbers["dropout"] = c.hidden_dropout_prob
        hidden = g.node("encoder.positions", "add_position_table", numbers, hidden=hidden)
    hidden = g.node("encoder.layers", "pre_norm_encoder", _layers(c), hidden=hidden)
    norm = {"width": c.hidden_size, "eps": c.layer_norm_eps}
    hidden = g.node("encoder.norm", "layer_norm", norm, hidden=hidden)
    return Side(
        hidden,
        initialisations=(
            *normal_initialisation(c.initializer_range, "nn.Linear", "nn.Conv2d", "nn.LayerNorm"),
            Initialisation("LeadingToken", {"token": drawn}),
            Initialisation("AddGridPositions", {"table": drawn}),
            Initialisation("AddPositionTable", {"table": drawn}),
        ),
    )


def _layers(c: View) -> dict[str, Value]:
    return {
        "layers": c.num_hidden_layers,
        "width": c.hidden_size,
        "heads": c.num_attention_heads,
        "inner": c.intermediate_size,
        "activation": c.hidden_act,
        "dropout": c.hidden_dropout_prob,
        "attention_dropout": c.attention_probs_dropout_prob,
        "attention_bias": Value("all" if c.qkv_bias else "none", c.qkv_bias.origin),
        "eps": c.layer_norm_eps,
    }
