"""The wav2vec 2.0 Conformer encoder as a graph."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.wav2vec2.graph import (
    adapted,
    feature_norm,
    feature_norm_kind,
    features,
    layer_numbers,
    projected,
    uniform_initialisations,
    zeroed,
)
from specs.family import Side
from specs.graph import Ref
from specs.values import View, plain


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """Convolutions over the waveform, their projection, Conformer layers, an adapter."""
    hidden, mask = features(g, c, feature_norm_kind(c))
    hidden = zeroed(g, c, projected(g, c, feature_norm(g, c, hidden)), mask)
    hidden = g.node("encoder.dropout", "dropout", {"dropout": c.hidden_dropout}, hidden=hidden)
    hidden = _layers(g, c, hidden, mask)
    norm = {"width": c.hidden_size, "eps": c.layer_norm_eps}
    hidden = g.node("encoder.norm", "layer_norm", norm, hidden=hidden)
    side = Side(hidden, mask, initialisations=uniform_initialisations(c))
    return adapted(g, c, side)


def _layers(g: GraphBuilder, c: View, hidden: Ref, mask: Ref) -> Ref:
    numbers = {
        **layer_numbers(c),
        "output_dropout": c.hidden_dropout,
        "dropout": c.attention_dropout,
        "convolution_kernel": c.conv_depthwise_kernel_size,
        "convolution_dropout": c.conformer_conv_dropout,
    }
    del numbers["eps"]  # the layers' norms keep torch's own
    match plain(c.position_embeddings_type):
        case "relative":
            widths = {"width": c.hidden_size}
            positions = g.node("encoder.positions", "relative_sinusoids", widths, hidden=hidden)
        case "rotary":
            angles = {
                "width": c.hidden_size,
                "heads": c.num_attention_heads,
                "base": c.rotary_embedding_base,
            }
            positions = g.node("encoder.positions", "rotary_angles", angles, hidden=hidden)
        case _:
            return g.node("encoder.layers", "conformer_encoder", numbers, hidden=hidden, mask=mask)
    kind = f"{plain(c.position_embeddings_type)}_conformer_encoder"
    return g.node("encoder.layers", kind, numbers, hidden=hidden, positions=positions, mask=mask)
