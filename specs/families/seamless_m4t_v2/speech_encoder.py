"""The speech encoder of SeamlessM4T v2: filter banks to fewer hidden states (Barrault et al. 2023)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from specs.builder import GraphBuilder
from specs.family import Side
from specs.graph import Ref
from specs.initialisation import Initialisation
from specs.problems import Problem
from specs.values import Value, View, plain
from specs.weights import Row, affine

_UNIFORM = ("uniform_by_inputs", ())


def speech_encoder(g: GraphBuilder, c: View, features: Ref, mask: Ref) -> Side:
    """Features [batch, frames, feature_projection_input_dim] projected, conformer layers, an adapter."""
    hidden = _projected(g, c, features, mask)
    hidden = _layers(g, c, hidden, mask)
    norm = {"width": c.hidden_size, "eps": c.layer_norm_eps}
    hidden = g.node("speech_encoder.final_norm", "layer_norm", norm, hidden=hidden)
    network = {"width": c.hidden_size, "inner": c.speech_encoder_intermediate_size}
    hidden = g.node("speech_encoder.feed_forward", "residual_feed_forward", network, hidden=hidden)
    hidden, mask = _adapted(g, c, hidden, mask)
    norm = {"width": c.hidden_size}
    hidden = g.node("speech_encoder.inner_norm", "layer_norm", norm, hidden=hidden)
    return Side(hidden, mask, initialisations=initialisations())


def _projected(g: GraphBuilder, c: View, features: Ref, mask: Ref) -> Ref:
    norm = {"width": c.feature_projection_input_dim, "eps": c.layer_norm_eps}
    hidden = g.node("speech_encoder.feature_norm", "feature_norm", norm, features=features)
    widths = {"source_dim": c.feature_projection_input_dim, "target_dim": c.hidden_size}
    hidden = g.node("speech_encoder.projection", "linear", widths, hidden=hidden)
    hidden = _dropped(g, c, "speech_encoder.projection_dropout", hidden)
    hidden = g.node("speech_encoder.zero_padding", "zero_padding", {}, hidden=hidden, mask=mask)
    return _dropped(g, c, "speech_encoder.dropout", hidden)


def _dropped(g: GraphBuilder, c: View, name: str, hidden: Ref) -> Ref:
    if not c.speech_encoder_dropout:
        return hidden
    return g.node(name, "dropout", {"dropout": c.speech_encoder_dropout}, hidden=hidden)


def has_distances(c: View) -> bool:
    """Whether attention knows distances; every other name is published as one for no positions."""
    return bool(plain(c.position_embeddings_type) == "relative_key")


def _layers(g: GraphBuilder, c: View, hidden: Ref, mask: Ref) -> Ref:
    left_chunks = c.speech_encoder_left_chunk_num
    numbers = {
        **_attention(c),
        "layers": c.speech_encoder_layers,
        "activation": c.speech_encoder_hidden_act,
        "dropout": c.speech_encoder_dropout,
        "activation_dropout": c.speech_encoder_dropout,
        "output_dropout": c.speech_encoder_dropout,
        "layerdrop": c.speech_encoder_layerdrop,
        "convolution_kernel": c.conv_depthwise_kernel_size,
        "convolution_dropout": c.speech_encoder_dropout,
        "chunk": c.speech_encoder_chunk_size,
        "left_chunks": Value(max(-1, int(left_chunks)), left_chunks.origin),
    }
    if not has_distances(c):
        kind = "chunked_conformer_encoder"
    else:
        kind = "relative_key_conformer_encoder"
        numbers |= {"left": c.left_max_position_embeddings, "right": c.right_max_position_embeddings}
    return g.node("speech_encoder.layers", kind, numbers, hidden=hidden, mask=mask)


def _adapted(g: GraphBuilder, c: View, hidden: Ref, mask: Ref) -> tuple[Ref, Ref]:
    """The adapter; without its layers the mask is shortened all the same, as published."""
    numbers = {
        **_attention(c),
        "layers": c.num_adapter_layers if c.add_adapter else Value(0, c.add_adapter.origin),
        "activation": Value("relu"),
        "dropout": c.adaptor_dropout,
        "activation_dropout": c.adaptor_dropout,
        "output_dropout": c.adaptor_dropout,
        "kernel": c.adaptor_kernel_size,
        "stride": c.adaptor_stride,
    }
    hidden = g.node("speech_encoder.adapter", "pooling_encoder", numbers, hidden=hidden, mask=mask)
    return hidden, Ref("speech_encoder.adapter", "mask")


def _attention(c: View) -> dict[str, Value]:
    """What the layers of conformer and adapter have in common."""
    return {
        "width": c.hidden_size,
        "heads": c.speech_encoder_attention_heads,
        "inner": c.speech_encoder_intermediate_size,
        "attention_dropout": c.speech_encoder_dropout,
    }


def initialisations() -> tuple[Initialisation, ...]:
    """The published draws that are not the default ones: of the projection, and of every convolution."""
    projection = Initialisation(
        "nn.Linear", {"weight": _UNIFORM, "bias": _UNIFORM}, below="speech_encoder.projection"
    )
    return (projection, Initialisation("nn.Conv1d", {"weight": ("kaiming_normal", ()), "bias": _UNIFORM}))


def rules(c: View) -> Iterable[Problem]:
    """XL104 for the even kernel that the published class refuses."""
    kernel = int(c.conv_depthwise_kernel_size)
    if kernel % 2 == 0:
        yield Problem(
            "XL104",
            f"conv_depthwise_kernel_size is {kernel}, and the published class takes none that is even",
            ((c.conv_depthwise_kernel_size.origin or "", "even"),),
            help=f"use {kernel - 1} or {kernel + 1}",
        )


_FEED_FORWARD = {"up_proj": "intermediate_dense", "down_proj": "output_dense"}
_ATTENTION = {f"self_attention.{name}_proj": f"self_attn.linear_{name}" for name in ("q", "k", "v", "out")}
_LAYER = {
    **_ATTENTION,
    "first_norm": "ffn1_layer_norm",
    "self_attention_norm": "self_attn_layer_norm",
    "convolution_norm": "conv_module.layer_norm",
    "convolution.norm": "conv_module.depthwise_layer_norm",
    "second_norm": "ffn2_layer_norm",
    "final_norm": "final_layer_norm",
    **{f"first.{ours}": f"ffn1.{theirs}" for ours, theirs in _FEED_FORWARD.items()},
    **{f"second.{ours}": f"ffn2.{theirs}" for ours, theirs in _FEED_FORWARD.items()},
}
_CONVOLUTIONS = {"gate": "pointwise_conv1", "depthwise": "depthwise_conv", "mix": "pointwise_conv2"}
_ADAPTER_LAYER = {
    **_ATTENTION,
    "residual_norm": "residual_layer_norm",
    "residual_pool.conv": "residual_conv",
    "self_attention_norm": "self_attn_layer_norm",
    "self_attention_pool.conv": "self_attn_conv",
    "feed_forward_norm": "ffn_layer_norm",
    **{f"feed_forward.{ours}": f"ffn.{theirs}" for ours, theirs in _FEED_FORWARD.items()},
}
_AROUND = {
    "feature_norm": "feature_projection.layer_norm",
    "projection": "feature_projection.projection",
    "final_norm": "encoder.layer_norm",
    "inner_norm": "inner_layer_norm",
    **{f"feed_forward.{ours}": f"intermediate_ffn.{theirs}" for ours, theirs in _FEED_FORWARD.items()},
}
"""Our part -> the published one; of a layer, below the layer."""


def rows(c: View) -> Iterator[Row]:
    """Where a checkpoint keeps each parameter."""
    ours, stored = "speech_encoder.layers.{i}", "speech_encoder.encoder.layers.{i}"
    for address, name in _AROUND.items():
        yield from affine(f"speech_encoder.{address}", f"speech_encoder.{name}")
    for address, name in _LAYER.items():
        yield from affine(f"{ours}.{address}", f"{stored}.{name}")
    for address, name in _CONVOLUTIONS.items():
        yield Row(f"{ours}.convolution.{address}.weight", (f"{stored}.conv_module.{name}.weight",))
    if has_distances(c):
        table = f"{stored}.self_attn.distance_embedding.weight"
        yield Row(f"{ours}.self_attention.distances.weight", (table,))
    if c.add_adapter and c.num_adapter_layers:
        for address, name in _ADAPTER_LAYER.items():
            yield from affine(
                f"speech_encoder.adapter.{{i}}.{address}", f"speech_encoder.adapter.layers.{{i}}.{name}"
            )
