"""Signature of layers of self-attention and convolutions over time."""

from __future__ import annotations

from specs.dims import Dim
from specs.graph import Block, Repeat
from specs.signatures.activations import ACTIVATIONS, activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.dense import DROPOUT, WIDTH
from specs.signatures.stacks import heads_divide, self_attention, stack


def _layer(n: Numbers) -> Block:
    norm = Block("nn.LayerNorm", {"normalized_shape": n.width})
    channels = {"in_channels": n.width, "out_channels": n.width, "kernel": n.kernel}
    convolution = Block("CentredConvolution", channels)
    convolutions = {"first": convolution, "activation": activation(n.activation), "second": convolution}
    parts = {
        "self_attention": self_attention(n, {}),
        "self_attention_norm": norm,
        "convolutions": Block("ConvolutionalFeedForward", {}, convolutions),
        "convolutions_norm": norm,
    }
    return Block("PostNormConvolutionLayer", {"dropout": n.dropout}, parts)


def _operations(n: Numbers, env: Env) -> Dim:
    width, positions = int(n.width), env["batch"] * env["time"]
    weights = width * width * (4 + 2 * int(n.kernel))
    return (positions * weights + positions * env["time"] * (2 * width)) * int(n.layers)


POST_NORM_CONVOLUTION_ENCODER = Signature(
    kind="post_norm_convolution_encoder",
    summary="Layers of self-attention and two convolutions over time, normalisation after each.",
    hypers=(
        Hyper("layers", int, "number of layers", minimum=1, maximum=1024),
        WIDTH,
        Hyper("heads", int, "attention heads", minimum=1),
        Hyper("kernel", int, "positions that a convolution spans", 7, minimum=1),
        Hyper("activation", str, "activation between the convolutions", "relu", choices=tuple(ACTIVATIONS)),
        DROPOUT,
        Hyper("attention_dropout", float, "dropout on attention weights", 0.0, 0, 1),
        Hyper("layerdrop", float, "probability that a layer is skipped in training", 0.0, 0, 1),
    ),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("mask", "mask", ("batch", "time"), "int64", optional=True),
    ),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: stack(n, "ConvolutionStack", (Repeat(_layer(n), n.layers),)),
    operations=_operations,
    violations=heads_divide,
    mixes_time=True,
)
