"""Signatures of blocks from one width to another that stand between an encoder and a decoder."""

from __future__ import annotations

from specs.dims import Dim
from specs.graph import Block, Repeat
from specs.signatures.activations import ACTIVATIONS, activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.dense import DROPOUT, WIDTH
from specs.signatures.stacks import heads_divide
from specs.values import Value


def _perceptron(n: Numbers) -> Block:
    norm = Block("nn.LayerNorm", {"normalized_shape": n.source_dim}) if n.norm else Block("nn.Identity")
    return Block(
        "MultiLayerPerceptron",
        {"source_dim": n.source_dim, "inner": n.inner, "target_dim": n.target_dim, "dropout": n.dropout},
        {"norm": norm, "activation": activation(n.activation)},
    )


MLP = Signature(
    kind="mlp",
    summary="Two projections with an activation between them, position by position.",
    hypers=(
        Hyper("source_dim", int, "channels in", minimum=1),
        Hyper("target_dim", int, "channels out", minimum=1),
        Hyper("inner", int, "channels between the projections", minimum=1),
        Hyper("activation", str, "activation between them", "gelu", choices=tuple(ACTIVATIONS)),
        Hyper("norm", bool, "whether the states are normalised first", False),
        DROPOUT,
    ),
    inputs=(Port("hidden", "hidden", ("batch", "time", "source_dim")),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "target_dim")),),
    construct=_perceptron,
    operations=lambda n, env: (
        env["batch"] * env["time"] * (int(n.inner) * (int(n.source_dim) + int(n.target_dim)))
    ),
)


def _norm(n: Numbers, width: Value) -> Block:
    return Block("nn.LayerNorm", {"normalized_shape": width, "eps": n.eps})


def _resampler(n: Numbers) -> Block:
    attention = {
        "target_dim": n.width,
        "source_dim": n.source_dim,
        "heads": n.heads,
        "dropout": n.attention_dropout,
    }
    feed_forward = Block(
        "FeedForward",
        {"width": n.width, "inner": n.inner, "dropout": n.dropout},
        {"activation": activation(n.activation)},
    )
    layer = Block(
        "ResamplerLayer",
        {"dropout": n.dropout},
        {
            "cross_attention_norm": _norm(n, n.width),
            "cross_attention": Block("CrossAttention", attention),
            "feed_forward_norm": _norm(n, n.width),
            "feed_forward": feed_forward,
        },
    )
    parts = {
        "source_norm": _norm(n, n.source_dim),
        "layers": Block("ResamplerStack", {}, {"layers": (Repeat(layer, n.layers),)}),
        "norm": _norm(n, n.width),
    }
    return Block("Resampler", {"queries": n.queries, "width": n.width}, parts)


def _resampler_operations(n: Numbers, env: Env) -> Dim:
    width, queries = int(n.width), int(n.queries)
    layer = env["batch"] * (queries * (2 * width * width + 2 * width * int(n.inner)))
    layer = layer + env["batch"] * env["time"] * (2 * width * int(n.source_dim) + 2 * queries * width)
    return layer * int(n.layers)


RESAMPLER = Signature(
    kind="resampler",
    summary="Learned queries that attend to states of any length, and give one vector each.",
    hypers=(
        Hyper("queries", int, "number of vectors it gives", 64, minimum=1, maximum=2**16),
        Hyper("source_dim", int, "channels in", minimum=1),
        WIDTH,
        Hyper("layers", int, "number of layers", 2, minimum=1, maximum=1024),
        Hyper("heads", int, "attention heads", 8, minimum=1),
        Hyper("inner", int, "width inside the feed-forward network", minimum=1),
        Hyper(
            "activation", str, "activation of the feed-forward network", "gelu", choices=tuple(ACTIVATIONS)
        ),
        DROPOUT,
        Hyper("attention_dropout", float, "dropout on attention weights", 0.0, 0, 1),
        Hyper("eps", float, "added to variances by the norms", 1e-5, 0),
    ),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "source_dim")),
        Port("mask", "mask", ("batch", "time"), "int64", optional=True),
    ),
    outputs=(Port("hidden", "hidden", ("batch", "queries", "width")),),
    construct=_resampler,
    operations=_resampler_operations,
    violations=heads_divide,
    mixes_time=True,
)
