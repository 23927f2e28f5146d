"""The Donut encoder as a graph."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.swin.graph import encoded, initialisations
from specs.family import Side
from specs.values import View


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """Patches and stages; what attention gives is dropped at the rate of its weights, as published."""
    hidden = encoded(g, c, c.attention_probs_dropout_prob)
    return Side(hidden, initialisations=initialisations(c))
