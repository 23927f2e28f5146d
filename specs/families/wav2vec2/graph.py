"""The wav2vec 2.0 encoder as a graph, and what other encoders of raw audio share with it."""

from __future__ import annotations

from collections.abc import Callable

from specs.builder import GraphBuilder
from specs.family import Side
from specs.graph import Ref
from specs.initialisation import Initialisation, normal_initialisation
from specs.values import Value, View, plain

_NORMS = {"group": "first over time", "layer": "channels"}

Layers = Callable[[GraphBuilder, View, str, Ref, Ref], Ref]
"""Adds layers of an order, `pre_norm` or `post_norm`: states and their mask -> what the layers give."""


def encoder(g: GraphBuilder, c: View, _: str) -> Side:
    """Convolutions over the waveform, their projection, convolutional positions, layers, an adapter."""
    is_adapted = bool(c.do_stable_layer_norm) and plain(c.adapter_attn_dim) is not None
    return adapted(g, c, encoder_with(g, c, adapted_layers if is_adapted else layers))


def encoder_with(g: GraphBuilder, c: View, add_layers: Layers, *own: Initialisation) -> Side:
    """The encoder of a family with its own layers, up to an adapter; their blocks start as `own` says."""
    hidden, mask = features(g, c, feature_norm_kind(c))
    hidden = zeroed(g, c, projected(g, c, feature_norm(g, c, hidden)), mask)
    order = "pre_norm" if c.do_stable_layer_norm else "post_norm"
    hidden = ordered(g, c, order, hidden, wide_positions(g, c, hidden), mask, add_layers)
    return Side(hidden, mask, initialisations=uniform_initialisations(c, *own))


def feature_norm_kind(c: View) -> Value:
    """How the convolutions over the waveform are normalised."""
    return Value(_NORMS[plain(c.feat_extract_norm)], c.feat_extract_norm.origin)


def features(g: GraphBuilder, c: View, norm: Value) -> tuple[Ref, Ref]:
    """Convolutions over the waveform: their channels, and the mask of what they give."""
    waveform = g.input("input_values", "waveform", ("batch", "samples"))
    samples = g.input("attention_mask", "mask", ("batch", "samples"), "int64", optional=True)

    hidden = g.node(
        "encoder.features",
        "waveform_encoder",
        {
            "channels": c.conv_dim,
            "kernels": c.conv_kernel,
            "strides": c.conv_stride,
            "bias": c.conv_bias,
            "norm": norm,
            "activation": c.feat_extract_activation,
        },
        waveform=waveform,
        mask=samples,
    )
    return hidden, Ref("encoder.features", "mask")


def feature_norm(g: GraphBuilder, c: View, hidden: Ref) -> Ref:
    """The channels of the last convolution, normalised."""
    norm = {"width": list(c.conv_dim)[-1], "eps": c.layer_norm_eps}
    return g.node("encoder.feature_norm", "layer_norm", norm, hidden=hidden)


def projected(g: GraphBuilder, c: View, hidden: Ref) -> Ref:
    """The channels of the last convolution, projected to the transformer's width."""
    widths = {"source_dim": list(c.conv_dim)[-1], "target_dim": c.hidden_size}
    hidden = g.node("encoder.feature_projection", "linear", widths, hidden=hidden)
    return g.node("encoder.feature_dropout", "dropout", {"dropout": c.feat_proj_dropout}, hidden=hidden)


def masks_spans(c: View) -> bool:
    """Whether the model has a vector for hidden positions: so it is published, even where none are hidden."""
    return float(c.mask_time_prob) > 0 or float(c.mask_feature_prob) > 0


def _spans(c: View) -> dict[str, Value]:
    is_applied = bool(c.apply_spec_augment)
    return {
        "width": c.hidden_size,
        "time_probability": c.mask_time_prob if is_applied else Value(0.0, c.apply_spec_augment.origin),
        "time_span": c.mask_time_length,
        "time_minimum": c.mask_time_min_masks,
        "channel_probability": c.mask_feature_prob if is_applied else Value(0.0, c.apply_spec_augment.origin),
        "channel_span": c.mask_feature_length,
        "channel_minimum": c.mask_feature_min_masks,
    }


def zeroed(g: GraphBuilder, c: View, hidden: Ref, mask: Ref) -> Ref:
    """Spans hidden in training, padding set to zero."""
    if masks_spans(c):
        hidden = g.node("encoder.span_masking", "span_masking", _spans(c), hidden=hidden, mask=mask)
    return g.node("encoder.zero_padding", "zero_padding", {}, hidden=hidden, mask=mask)


def wide_positions(g: GraphBuilder, c: View, hidden: Ref, norm: str = "weight") -> Ref:
    """Positions by one wide convolution: its weight normalised, or its input over the batch."""
    numbers = {
        "width": c.hidden_size,
        "kernel": c.num_conv_pos_embeddings,
        "groups": c.num_conv_pos_embedding_groups,
        "activation": c.feat_extract_activation,
        "norm": norm,
    }
    return g.node("encoder.positions", "convolution_positions", numbers, hidden=hidden)


def ordered(
    g: GraphBuilder, c: View, order: str, hidden: Ref, positions: Ref, mask: Ref, add_layers: Layers
) -> Ref:
    """Positions added, then the layers, and the norm that goes before or behind them."""
    norm = {"width": c.hidden_size, "eps": c.layer_norm_eps}
    dropout = {"dropout": c.hidden_dropout}
    if order == "pre_norm":
        hidden = g.node("encoder.add_positions", "add_positions", dropout, hidden=hidden, positions=positions)
        hidden = add_layers(g, c, order, hidden, mask)
        return g.node("encoder.norm", "layer_norm", norm, hidden=hidden)
    hidden = g.node("encoder.add_positions", "add_positions", {}, hidden=hidden, positions=positions)
    hidden = g.node("encoder.norm", "layer_norm", norm, hidden=hidden)
    hidden = g.node("encoder.dropout", "dropout", dropout, hidden=hidden)
    return add_layers(g, c, order, hidden, mask)


def layer_numbers(c: View) -> dict[str, Value]:
    """The hyper-parameters of the layers."""
    return {
        "layers": c.num_hidden_layers,
        "width": c.hidden_size,
        "heads": c.num_attention_heads,
        "inner": c.intermediate_size,
        "activation": c.hidden_act,
        "dropout": c.hidden_dropout,
        "attention_dropout": c.attention_dropout,
        "activation_dropout": c.activation_dropout,
        "layerdrop": c.layerdrop,
        "eps": c.layer_norm_eps,
    }


def layers(g: GraphBuilder, c: View, order: str, hidden: Ref, mask: Ref) -> Ref:
    """Transformer layers."""
    return g.node("encoder.layers", f"{order}_encoder", layer_numbers(c), hidden=hidden, mask=mask)


def adapted_layers(g: GraphBuilder, c: View, order: str, hidden: Ref, mask: Ref) -> Ref:
    """Transformer layers that end with a small network of their own, as one a language is trained."""
    assert order == "pre_norm", "the published layer that is normalised afterwards has no adapter"
    numbers = {**layer_numbers(c), "adapter_inner": c.adapter_attn_dim}
    return g.node("encoder.layers", "adapted_pre_norm_encoder", numbers, hidden=hidden, mask=mask)


def output_width(c: View) -> Value:
    """Width of the adapter's states."""
    return c.hidden_size if plain(c.output_hidden_size) is None else c.output_hidden_size


def projects(c: View) -> bool:
    """Whether the adapter begins with a projection."""
    return bool(c.add_adapter) and plain(output_width(c)) != plain(c.hidden_size)


def bridged(c: View) -> tuple[str, ...]:
    """What the public pair makes of an adapter of another width."""
    if not projects(c):
        return ()
    return (
        f"it reads the adapter's width, {plain(output_width(c))}; the public pair sizes its own by "
        f"hidden_size, {plain(c.hidden_size)}, and fails: no checkpoint of a whole pair has this bridge",
    )


def adapted(g: GraphBuilder, c: View, side: Side) -> Side:
    """The encoder with its adapter, where the config has one."""
    if not c.add_adapter:
        return side
    assert side.mask is not None, "an encoder of audio gives a mask"
    hidden, mask = _downsampled(g, c, side.output, side.mask)
    return side._replace(output=hidden, mask=mask)


def _downsampled(g: GraphBuilder, c: View, hidden: Ref, mask: Ref) -> tuple[Ref, Ref]:
    width = output_width(c)
    if projects(c):
        widths = {"source_dim": c.hidden_size, "target_dim": width}
        hidden = g.node("encoder.adapter_projection", "linear", widths, hidden=hidden)
        hidden = g.node("encoder.adapter_norm", "layer_norm", {"width": width}, hidden=hidden)
    hidden = g.node(
        "encoder.adapter",
        "gated_conv_downsample",
        {
            "layers": c.num_adapter_layers,
            "width": width,
            "kernel": c.adapter_kernel_size,
            "stride": c.adapter_stride,
            "layerdrop": c.layerdrop,
        },
        hidden=hidden,
        mask=mask,
    )
    return hidden, Ref("encoder.adapter", "mask")


def uniform_initialisations(c: View, *own: Initialisation) -> tuple[Initialisation, ...]:
    """The draws of the families whose feature projection and convolutions' biases start uniform."""
    uniform = ("uniform_by_inputs", ())
    projection = Initialisation(
        "nn.Linear", {"weight": uniform, "bias": uniform}, below="encoder.feature_projection"
    )
    return (projection, *own, *initialisations(c, "uniform_by_inputs"))


def initialisations(c: View, convolution_bias: str) -> tuple[Initialisation, ...]:
    """The published draws that are not the default ones."""
    convolution = {"weight": ("kaiming_normal", ()), "bias": (convolution_bias, ())}
    return (
        *normal_initialisation(c.initializer_range, "nn.Linear", "nn.LayerNorm", "nn.GroupNorm"),
        Initialisation("nn.Conv1d", convolution),
    )
