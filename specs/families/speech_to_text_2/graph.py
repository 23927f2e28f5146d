"""The Speech2Text2 decoder: norms after sub-layers, and none after the last layer."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.decoders import TokenDecoder
from specs.graph import Ref
from specs.halves import cross_width
from specs.values import Value, View

_BEFORE = 2
"""Rows of the table beside those for positions."""


def _positions(g: GraphBuilder, c: View, side: str, ids: Ref) -> Ref:
    """The last release that had this model computed with the stored rows, whatever they were."""
    numbers = {
        "rows": c.max_target_positions + _BEFORE,
        "width": c.d_model,
        "padding_row": c.pad_token_id,
    }
    return g.node(f"{side}.positions", "fixed_token_positions", numbers, ids=ids)


decoder = TokenDecoder("post_norm", _positions)
"""Embed, add positions, decode, project."""


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads."""
    return cross_width(c, c.d_model)


def maximum_target(c: View) -> int:
    """Longest decoder input: the rows after the padding row."""
    return int(c.max_target_positions) + _BEFORE - 1 - int(c.pad_token_id)
