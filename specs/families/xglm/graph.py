"""XGLM as a decoder with cross-attention: norms before sub-layers, sinusoidal positions."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.decoders import TokenDecoder
from specs.graph import Ref
from specs.halves import cross_width
from specs.values import Value, View

_OFFSET = 2
"""Row of the first position."""


def _positions(g: GraphBuilder, c: View, side: str, ids: Ref) -> Ref:
    numbers = {
        "maximum": c.max_position_embeddings,
        "width": c.d_model,
        "padding_row": c.pad_token_id,
        "offset": Value(_OFFSET),
    }
    return g.node(f"{side}.positions", "sinusoidal_positions", numbers, ids=ids)


def _layers(c: View) -> dict[str, Value]:
    return {
        "layers": c.num_layers,
        "heads": c.attention_heads,
        "inner": c.ffn_dim,
        "layerdrop": c.layerdrop,
    }


decoder = TokenDecoder("pre_norm", _positions, _layers)
"""Embed, add positions, decode, project."""


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads."""
    return cross_width(c, c.d_model)


def maximum_target(c: View) -> int:
    """Longest decoder input."""
    return int(c.max_position_embeddings)
