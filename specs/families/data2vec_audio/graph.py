"""The data2vec encoder of audio as a graph."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.wav2vec2.graph import (
    adapted,
    feature_norm,
    features,
    layers,
    ordered,
    projected,
    uniform_initialisations,
    zeroed,
)
from specs.family import Side
from specs.initialisation import Initialisation
from specs.values import Value, View


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """As wav2vec 2.0, with positions from several convolutions."""
    hidden, mask = features(g, c, Value("channels"))
    hidden = zeroed(g, c, projected(g, c, feature_norm(g, c, hidden)), mask)
    numbers = {
        "layers": c.num_conv_pos_embeddings,
        "width": c.hidden_size,
        "kernel": c.conv_pos_kernel_size,
        "groups": c.num_conv_pos_embedding_groups,
        "activation": c.feat_extract_activation,
    }
    positions = g.node("encoder.positions", "stacked_convolution_positions", numbers, hidden=hidden)
    hidden = ordered(g, c, "post_norm", hidden, positions, mask, layers)
    convolutions = Initialisation(
        "nn.Conv1d", {"weight": ("kaiming_normal", ()), "bias": ("zeros", ())}, below="encoder.positions"
    )
    side = Side(hidden, mask, initialisations=uniform_initialisations(c, convolutions))
    return adapted(g, c, side)
