"""The TrOCR decoder: norms after sub-layers, positions learned or sinusoidal."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.decoders import TokenDecoder, learned_positions
from specs.graph import Ref
from specs.halves import cross_width
from specs.values import Value, View


def _positions(g: GraphBuilder, c: View, side: str, ids: Ref) -> Ref:
    """Learned ones are counted whatever stands there; sinusoids after the padding row, over real tokens."""
    if c.use_learned_position_embeddings:
        return learned_positions(g, c, side, ids)
    rows = c.max_position_embeddings + c.pad_token_id + 1
    numbers = {"maximum": rows - 2, "width": c.d_model, "padding_row": c.pad_token_id}
    return g.node(f"{side}.positions", "token_positions", numbers, ids=ids)


decoder = TokenDecoder("post_norm", _positions, normalises_embeddings=lambda c: bool(c.layernorm_embedding))
"""Embed, add positions, decode, project."""


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads."""
    return cross_width(c, c.d_model)


def maximum_target(c: View) -> int:
    """Longest decoder input."""
    return int(c.max_position_embeddings)
