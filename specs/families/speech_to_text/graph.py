"""The Speech2Text encoder and decoder as graphs."""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.decoders import TokenDecoder, embedding_scale, in_layers
from specs.family import Side
from specs.graph import Ref
from specs.initialisation import Initialisation, normal_initialisation
from specs.values import Value, View

_FRAME_POSITIONS = {0: "padding_frame_positions", 1: "frame_positions"}
"""By pad id: the published encoder looks for that id in a 0/1 padding indicator."""


def encoder(g: GraphBuilder, c: View, long_input: str) -> Side:
    """Subsample, add positions, encode."""
    width = c.input_channels * c.input_feat_per_channel
    features = g.input("input_features", "features", ("batch", "frames", width))
    mask = g.input("attention_mask", "mask", ("batch", "frames"), "int64", optional=True)

    hidden = g.node(
        "encoder.subsample",
        "conv_subsampler",
        {
            "input_width": width,
            "channels": c.conv_channels,
            "width": c.d_model,
            "kernels": c.conv_kernel_sizes,
        },
        features=features,
        mask=mask,
    )
    source_mask = Ref("encoder.subsample", "mask")
    positions = g.node(
        "encoder.positions",
        _FRAME_POSITIONS.get(int(c.pad_token_id), "unmasked_frame_positions"),
        {
            "maximum": c.max_source_positions,
            "width": c.d_model,
            "padding_row": c.pad_token_id,
            "overflow": "grow" if long_input == "grow" else "error",
        },
        hidden=hidden,
        mask=source_mask,
    )
    hidden = g.node("encoder.scale", "scale", {"scale": embedding_scale(c)}, hidden=hidden)
    hidden = g.node(
        "encoder.add_positions", "add_positions", {"dropout": c.dropout}, hidden=hidden, positions=positions
    )
    hidden = g.node(
        "encoder.layers",
        "pre_norm_encoder",
        {
            "layers": c.encoder_layers,
            "width": c.d_model,
            "heads": c.encoder_attention_heads,
            "inner": c.encoder_ffn_dim,
            "layerdrop": c.encoder_layerdrop,
            **in_layers(c),
        },
        hidden=hidden,
        mask=source_mask,
    )
    hidden = g.node("encoder.final_norm", "layer_norm", {"width": c.d_model}, hidden=hidden)
    return Side(hidden, source_mask, initialisations=_initialisations(c))


def _positions(g: GraphBuilder, c: View, side: str, ids: Ref) -> Ref:
    numbers = {"maximum": c.max_target_positions, "width": c.d_model, "padding_row": c.pad_token_id}
    return g.node(f"{side}.positions", "token_positions", numbers, ids=ids)


decoder = TokenDecoder("pre_norm", _positions)
"""Embed, add positions, decode, project."""


def _initialisations(c: View) -> tuple[Initialisation, ...]:
    return normal_initialisation(c.init_std, "nn.Linear", "nn.Conv1d", "nn.Embedding", "nn.LayerNorm")


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads."""
    return c.d_model


def maximum_target(c: View) -> int:
    """Longest decoder input: the table has two rows more than its positions, counted from the pad row."""
    return int(c.max_target_positions) + 1 - int(c.pad_token_id)


def maximum_source(c: View) -> int:
    """Longest encoder sequence, after subsampling."""
    return int(c.max_source_positions) + 1 - int(c.pad_token_id)
