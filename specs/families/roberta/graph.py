"""RoBERTa as an encoder and as a decoder: BERT with positions of tokens, counted from the pad id on."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.bert.graph import decoder_with, encoder_with
from specs.family import Side
from specs.graph import Ref
from specs.values import Value, View

_HEAD_ACTIVATION = Value("gelu")
"""Of the published head, whatever the layers' is."""


def encoder(g: GraphBuilder, c: View, long_input: str) -> Side:
    """Embed, encode."""
    return encoder_with(g, c, _positions)


def decoder(g: GraphBuilder, c: View, source: Ref, source_dim: Value, source_mask: Ref | None) -> Side:
    """Embed, decode, transform, project."""
    return decoder_with(g, c, source, source_dim, source_mask, _positions, _HEAD_ACTIVATION)


def _positions(g: GraphBuilder, c: View, ids: Ref) -> Ref:
    numbers = {
        "rows": c.max_position_embeddings,
        "width": c.hidden_size,
        "padding_row": c.pad_token_id,
    }
    return g.node(f"{c.role}.positions", "learned_token_positions", numbers, ids=ids)


def maximum_target(c: View) -> int:
    """Longest decoder input: positions follow the pad id's row."""
    return int(c.max_position_embeddings) - int(c.pad_token_id) - 1


maximum_source = maximum_target
