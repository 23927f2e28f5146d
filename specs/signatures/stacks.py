"""Signatures of transformer stacks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from specs.dims import Dim
from specs.graph import Block, Repeat
from specs.signatures.activations import ACTIVATIONS, activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.dense import DROPOUT, WIDTH

COMMON = (
    Hyper("layers", int, "number of layers", minimum=1, maximum=1024),
    WIDTH,
    Hyper("heads", int, "attention heads", minimum=1),
    Hyper("inner", int, "width inside the feed-forward network", minimum=1),
    Hyper("activation", str, "activation of the feed-forward network", "relu", choices=tuple(ACTIVATIONS)),
    DROPOUT,
    Hyper("attention_dropout", float, "dropout on attention weights", 0.0, 0, 1),
    Hyper("activation_dropout", float, "dropout on activations", 0.0, 0, 1),
    Hyper("layerdrop", float, "probability that a layer is skipped in training", 0.0, 0, 1),
    Hyper("eps", float, "added to variances by the norms", 1e-5, 0),
)


def heads_divide(n: Numbers) -> Iterable[Violation]:
    """Heads share the width equally."""
    width, heads = n.width.value, n.heads.value
    if width % heads:
        near = itertools.islice(
            (h for step in range(width) for h in (heads - step, heads + step) if h > 0 and width % h == 0), 3
        )
        yield Violation(
            "XL302",
            f"{heads} attention heads do not divide the width {width}",
            (("heads", f"{width} / {heads} is not whole"), ("width", f"the width is {width}")),
            "use "
            + " or ".join(str(h) for h in sorted(set(near)))
            + f" heads, or a width that is a multiple of {heads}",
        )


def _norm(n: Numbers) -> Block:
    numbers = {"normalized_shape": n.width}
    return Block("nn.LayerNorm", numbers if n.eps.value == 1e-5 else {**numbers, "eps": n.eps})


def _self_attention(n: Numbers) -> Block:
    return Block("SelfAttention", {"target_dim": n.width, "heads": n.heads, "dropout": n.attention_dropout})


def _feed_forward(n: Numbers) -> Block:
    return Block(
        "FeedForward",
        {"width": n.width, "inner": n.inner, "dropout": n.activation_dropout},
        {"activation": activation(n.activation)},
    )


def _stack(n: Numbers, layer: Block, name: str) -> Block:
    layers = {"layers": (Repeat(layer, n.layers),)}
    if n.layerdrop.value:
        return Block(f"LayerDrop{name}", {"layerdrop": n.layerdrop}, layers)
    return Block(name, {}, layers)


def _encoder(n: Numbers) -> Block:
    layer = Block(
        "PreNormEncoderLayer",
        {"dropout": n.dropout},
        {
            "self_attention_norm": _norm(n),
            "self_attention": _self_attention(n),
            "feed_forward_norm": _norm(n),
            "feed_forward": _feed_forward(n),
        },
    )
    return _stack(n, layer, "EncoderStack")


def _post_norm_encoder(n: Numbers) -> Block:
    layer = Block(
        "PostNormEncoderLayer",
        {"dropout": n.dropout},
        {
            "self_attention": _self_attention(n),
            "self_attention_norm": _norm(n),
            "feed_forward": _feed_forward(n),
            "feed_forward_norm": _norm(n),
        },
    )
    return _stack(n, layer, "EncoderStack")


def _decoder(n: Numbers) -> Block:
    layer = Block(
        "PreNormDecoderLayer",
        {"dropout": n.dropout},
        {
            "self_attention_norm": _norm(n),
            "self_attention": _self_attention(n),
            "cross_attention_norm": _norm(n),
            "cross_attention": Block(
                "CrossAttention",
                {
                    "target_dim": n.width,
                    "source_dim": n.source_dim,
                    "heads": n.heads,
                    "dropout": n.attention_dropout,
                },
            ),
            "feed_forward_norm": _norm(n),
            "feed_forward": _feed_forward(n),
        },
    )
    return _stack(n, layer, "DecoderStack")


def _encoder_operations(n: Numbers, env: Env) -> Dim:
    width, inner = int(n.width), int(n.inner)
    positions = env["batch"] * env["time"]
    layer = positions * (4 * width * width + 2 * width * inner) + positions * env["time"] * (2 * width)
    return layer * int(n.layers)


def _decoder_operations(n: Numbers, env: Env) -> Dim:
    width, inner, source = int(n.width), int(n.inner), int(n.source_dim)
    positions = env["batch"] * env["time"]
    layer = (
        positions * (6 * width * width + 2 * width * inner)
        + env["batch"] * env["source"] * (2 * width * source)
        + positions * (env["time"] + env["source"]) * (2 * width)
    )
    return layer * int(n.layers)


PRE_NORM_ENCODER = Signature(
    kind="pre_norm_encoder",
    summary="Transformer encoder layers, normalisation before each sub-layer.",
    hypers=COMMON,
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("mask", "mask", ("batch", "time"), "int64", optional=True),
    ),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=_encoder,
    operations=_encoder_operations,
    violations=heads_divide,
    mixes_time=True,
)

POST_NORM_ENCODER = replace(
    PRE_NORM_ENCODER,
    kind="post_norm_encoder",
    summary="Transformer encoder layers, normalisation after each sub-layer.",
    construct=_post_norm_encoder,
)

PRE_NORM_DECODER = Signature(
    kind="pre_norm_decoder",
    summary="Transformer decoder layers with cross-attention, normalisation before each sub-layer.",
    hypers=(*COMMON, Hyper("source_dim", int, "width of what cross-attention reads", minimum=1)),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("source", "hidden", ("batch", "source", "source_dim"), code="XL301"),
        Port("source_mask", "mask", ("batch", "source"), "int64", optional=True),
        Port("mask", "mask", ("batch", "time"), "int64", optional=True),
    ),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=_decoder,
    operations=_decoder_operations,
    violations=heads_divide,
    keeps_state=True,
    mixes_time=True,
)
