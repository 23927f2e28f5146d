"""The HuBERT encoder as a graph."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.wav2vec2.graph import (
    feature_norm,
    feature_norm_kind,
    features,
    initialisations,
    layers,
    ordered,
    projected,
    wide_positions,
    zeroed,
)
from specs.family import Side
from specs.values import View


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """Convolutions over the waveform, their projection, convolutional positions, layers."""
    hidden, mask = features(g, c, feature_norm_kind(c))
    if c.feat_proj_layer_norm:
        hidden = feature_norm(g, c, hidden)
    hidden = zeroed(g, c, projected(g, c, hidden), mask)
    positions = wide_positions(g, c, hidden, "batch" if c.conv_pos_batch_norm else "weight")
    order = "pre_norm" if c.do_stable_layer_norm else "post_norm"
    hidden = ordered(g, c, order, hidden, positions, mask, layers)
    return Side(hidden, mask, initialisations=initialisations(c, "zeros"))
