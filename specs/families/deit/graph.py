"""The DeiT encoder as a graph."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.vit.graph import encoder_with
from specs.family import Side
from specs.values import View

TOKENS = ("cls_token", "distillation_token")
"""Learned states before the patches, the first first."""


def encoder(g: GraphBuilder, c: View, long_input: str) -> Side:
    """Patches behind their leading tokens, positions, layers, a norm."""
    return encoder_with(g, c, long_input, TOKENS, ("zeros", ()))
