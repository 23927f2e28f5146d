"""Signatures of encoder stacks that are told of positions, or whose layers have more parts than two."""

from __future__ import annotations

from collections.abc import Callable

from specs.dims import Dim
from specs.graph import Block, Repeat
from specs.signatures.activations import activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.stacks import (
    COMMON,
    encoder_operations,
    feed_forward,
    heads_divide,
    norm,
    self_attention,
    stack,
)
from specs.values import Value

_HIDDEN = Port("hidden", "hidden", ("batch", "time", "width"))
_MASK = Port("mask", "mask", ("batch", "time"), "int64", optional=True)

GATES = 8
"""Projections of a head's input that its two gates are sums of."""


def _gated_bias(layer: str) -> Callable[[Numbers], Block]:
    def construct(n: Numbers) -> Block:
        parts = {
            "self_attention_norm": norm(n),
            "self_attention": self_attention(n, {}, "GatedBiasSelfAttention"),
            "feed_forward_norm": norm(n),
            "feed_forward": feed_forward(n),
        }
        block = Block(layer, {"dropout": n.dropout}, parts)
        return stack(n, "PositionedEncoderStack", (Repeat(block, n.layers),), always=Value(1))

    return construct


def _gated_operations(n: Numbers, env: Env) -> Dim:
    positions = env["batch"] * env["time"]
    return encoder_operations(n, env) + positions * (int(n.width) * GATES * int(n.layers))


def _gated_signature(kind: str, layer: str, order: str) -> Signature:
    return Signature(
        kind=kind,
        summary=f"Transformer encoder layers that attend by distance, through a gate; normalised {order} "
        "each sub-layer.",
        hypers=COMMON,
        inputs=(_HIDDEN, Port("positions", "hidden", ("heads", "time", "time")), _MASK),
        outputs=(_HIDDEN,),
        construct=_gated_bias(layer),
        operations=_gated_operations,
        violations=heads_divide,
        mixes_time=True,
    )


GATED_BIAS_PRE_NORM_ENCODER = _gated_signature("gated_bias_pre_norm_encoder", "PreNormEncoderLayer", "before")
GATED_BIAS_POST_NORM_ENCODER = _gated_signature(
    "gated_bias_post_norm_encoder", "PostNormEncoderLayer", "after"
)


def _adapted(n: Numbers) -> Block:
    numbers = {"width": n.width, "inner": n.adapter_inner, "dropout": Value(0.0)}
    layer = Block(
        "AdaptedPreNormEncoderLayer",
        {"dropout": n.dropout},
        {
            "self_attention_norm": norm(n),
            "self_attention": self_attention(n, {}),
            "feed_forward_norm": norm(n),
            "feed_forward": feed_forward(n),
            "adapter_norm": Block("nn.LayerNorm", {"normalized_shape": n.width}),
            "adapter": Block("FeedForward", numbers, {"activation": activation(Value("relu"))}),
        },
    )
    return stack(n, "EncoderStack", (Repeat(layer, n.layers),))


def _adapted_operations(n: Numbers, env: Env) -> Dim:
    adapter = 2 * int(n.width) * int(n.adapter_inner) * int(n.layers)
    return encoder_operations(n, env) + env["batch"] * env["time"] * adapter


ADAPTED_PRE_NORM_ENCODER = Signature(
    kind="adapted_pre_norm_encoder",
    summary="Transformer encoder layers that end with a small network; normalised before each sub-layer.",
    hypers=(*COMMON, Hyper("adapter_inner", int, "width inside the network at a layer's end", minimum=1)),
    inputs=(_HIDDEN, _MASK),
    outputs=(_HIDDEN,),
    construct=_adapted,
    operations=_adapted_operations,
    violations=heads_divide,
    mixes_time=True,
)
