"""The WavLM encoder as a graph."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.wav2vec2.graph import adapted, encoder_with, layer_numbers
from specs.family import Side
from specs.graph import Ref
from specs.initialisation import normal_initialisation
from specs.values import View


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """As wav2vec 2.0, its layers attending by distance too."""
    tables = normal_initialisation(c.initializer_range, "nn.Embedding")
    return adapted(g, c, encoder_with(g, c, _layers, *tables))


def _layers(g: GraphBuilder, c: View, order: str, hidden: Ref, mask: Ref) -> Ref:
    """Layers that add one table of distances to their scores, each through its own gate."""
    numbers = {
        "heads": c.num_attention_heads,
        "buckets": c.num_buckets,
        "maximum_distance": c.max_bucket_distance,
    }
    bias = g.node("encoder.position_bias", "bucketed_position_bias", numbers, hidden=hidden)
    return g.node(
        "encoder.layers",
        f"gated_bias_{order}_encoder",
        layer_numbers(c),
        hidden=hidden,
        positions=bias,
        mask=mask,
    )
