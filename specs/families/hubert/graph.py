"""The HuBERT encoder as a graph."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.wav2vec2.graph import encoded, feature_norm, features, initialisations, projected
from specs.family import Side
from specs.values import View


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """Convolutions over the waveform, their projection, convolutional positions, layers."""
    hidden, mask = features(g, c)
    if c.feat_proj_layer_norm:
        hidden = feature_norm(g, c, hidden)
    hidden = encoded(g, c, projected(g, c, hidden), mask)
    return Side(hidden, mask, initialisations=initialisations(c, "zeros"))
