"""The UniSpeech encoder as a graph."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.wav2vec2.graph import encoder_with, layers
from specs.family import Side
from specs.values import View


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """As wav2vec 2.0, with nothing behind the layers."""
    return encoder_with(g, c, layers)
