"""Signatures of transformer stacks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

from specs.dims import Dim
from specs.graph import Block, Repeat
from specs.signatures.activations import ACTIVATIONS, activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.dense import DROPOUT, WIDTH
from specs.values import Value

COMMON = (
    Hyper("layers", int, "number of layers", minimum=1, maximum=1024),
    WIDTH,
    Hyper("heads", int, "attention heads", minimum=1),
    Hyper("inner", int, "width inside the feed-forward network", minimum=1),
    Hyper("activation", str, "activation of the feed-forward network", "relu", choices=tuple(ACTIVATIONS)),
    DROPOUT,
    Hyper("attention_dropout", float, "dropout on attention weights", 0.0, 0, 1),
    Hyper("activation_dropout", float, "dropout on activations", 0.0, 0, 1),
    Hyper("output_dropout", float, "dropout on what the feed-forward network gives", 0.0, 0, 1),
    Hyper("layerdrop", float, "probability that a layer is skipped in training", 0.0, 0, 1),
    Hyper("eps", float, "added to variances by the norms", 1e-5, 0),
)


ATTENTION_BIAS = Hyper(
    "attention_bias",
    str,
    "which of queries, keys and values add a bias",
    "all",
    choices=("all", "query and value", "none"),
)
ATTENTION_OUTPUT_DROPOUT = Hyper(
    "attention_output_dropout", float, "dropout on what attention gives, before `dropout`", 0.0, 0, 1
)
_WITHOUT_BIAS = {"all": (), "query and value": ("key_bias",), "none": ("bias", "key_bias")}


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


def norm(n: Numbers) -> Block:
    """The norm of a sub-layer."""
    numbers = {"normalized_shape": n.width}
    return Block("nn.LayerNorm", numbers if n.eps.value == 1e-5 else {**numbers, "eps": n.eps})


def self_attention(n: Numbers, more: Mapping[str, Value], name: str = "SelfAttention") -> Block:
    """The attention of a layer over its own states."""
    numbers = {"target_dim": n.width, "heads": n.heads, "dropout": n.attention_dropout}
    return Block(name, {**numbers, **more})


def _output_dropped(n: Numbers, attention: Block) -> Block:
    """Attention that drops out what it gives, where a stack says so."""
    if not n.attention_output_dropout.value:
        return attention
    numbers = {**attention.numbers, "output_dropout": n.attention_output_dropout}
    return Block(f"Dropped{attention.name}", numbers)


def _cross_attention(n: Numbers, scale: Mapping[str, Value]) -> Block:
    return Block(
        "CrossAttention",
        {
            "target_dim": n.width,
            "source_dim": n.source_dim,
            "heads": n.heads,
            "dropout": n.attention_dropout,
            **scale,
        },
    )


def feed_forward(n: Numbers) -> Block:
    """The feed-forward network of a layer."""
    numbers = {"width": n.width, "inner": n.inner, "dropout": n.activation_dropout}
    parts = {"activation": activation(n.activation)}
    if n.output_dropout.value:
        return Block("DroppedFeedForward", {**numbers, "output_dropout": n.output_dropout}, parts)
    return Block("FeedForward", numbers, parts)


def stack(n: Numbers, name: str, layers: tuple[Repeat, ...], **more: Value) -> Block:
    """Layers in sequence; where training skips some, by the class that takes `more` too."""
    parts: Mapping[str, tuple[Repeat, ...]] = {"layers": layers}
    if n.layerdrop.value:
        return Block(f"LayerDrop{name}", {"layerdrop": n.layerdrop, **more}, parts)
    return Block(name, {}, parts)


def attention_biases(n: Numbers) -> dict[str, Value]:
    """The biases that attention does without; it has those that are not named."""
    lacking = _WITHOUT_BIAS[n.attention_bias.value]
    return {name: Value(False, n.attention_bias.origin) for name in lacking}


def _encoder(layer: str) -> Callable[[Numbers], Block]:
    def construct(n: Numbers) -> Block:
        block = Block(
            layer,
            {"dropout": n.dropout},
            {
                "self_attention_norm": norm(n),
                "self_attention": _output_dropped(n, self_attention(n, attention_biases(n))),
                "feed_forward_norm": norm(n),
                "feed_forward": feed_forward(n),
            },
        )
        return stack(n, "EncoderStack", (Repeat(block, n.layers),))

    return construct


def _decoder(layer: str) -> Callable[[Numbers], Block]:
    def block(n: Numbers, scale: Mapping[str, Value]) -> Block:
        return Block(
            layer,
            {"dropout": n.dropout},
            {
                "self_attention_norm": norm(n),
                "self_attention": _output_dropped(n, self_attention(n, scale)),
                "cross_attention_norm": norm(n),
                "cross_attention": _output_dropped(n, _cross_attention(n, scale)),
                "feed_forward_norm": norm(n),
                "feed_forward": feed_forward(n),
            },
        )

    def construct(n: Numbers) -> Block:
        if n.scale_by_depth:
            layers = tuple(Repeat(block(n, _scale(n, index)), Value(1)) for index in range(int(n.layers)))
        else:
            layers = (Repeat(block(n, _scale(n, 0)), n.layers),)
        return stack(n, "DecoderStack", layers)

    return construct


def _scale(n: Numbers, index: int) -> dict[str, Value]:
    """The factor on the scores of layer `index` (Shoeybi et al. 2019 divide by its number, from 1 on).

    Nothing where it is the one that attention takes by itself.
    """
    if n.scale_by_width and not n.scale_by_depth:
        return {}
    factor = (int(n.width) // int(n.heads)) ** -0.5 if n.scale_by_width else 1.0
    origin = n.scale_by_depth.origin if n.scale_by_depth else n.scale_by_width.origin
    return {"scale": Value(factor / (index + 1), origin)}


def encoder_operations(n: Numbers, env: Env) -> Dim:
    """Multiply-adds of layers of attention and feed-forward."""
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


def _encoder_signature(kind: str, layer: str, order: str) -> Signature:
    return Signature(
        kind=kind,
        summary=f"Transformer encoder layers, normalisation {order} each sub-layer.",
        hypers=(*COMMON, ATTENTION_BIAS, ATTENTION_OUTPUT_DROPOUT),
        inputs=(
            Port("hidden", "hidden", ("batch", "time", "width")),
            Port("mask", "mask", ("batch", "time"), "int64", optional=True),
        ),
        outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
        construct=_encoder(layer),
        operations=encoder_operations,
        violations=heads_divide,
        mixes_time=True,
    )


def _decoder_signature(kind: str, layer: str, order: str) -> Signature:
    return Signature(
        kind=kind,
        summary=f"Transformer decoder layers with cross-attention, normalisation {order} each sub-layer.",
        hypers=(
            *COMMON,
            ATTENTION_OUTPUT_DROPOUT,
            Hyper("source_dim", int, "width of what cross-attention reads", minimum=1),
            Hyper("scale_by_width", bool, "divide scores by the root of a head's width", True),
            Hyper("scale_by_depth", bool, "divide scores by the number of the layer too", False),
        ),
        inputs=(
            Port("hidden", "hidden", ("batch", "time", "width")),
            Port("source", "hidden", ("batch", "source", "source_dim"), code="XL301"),
            Port("source_mask", "mask", ("batch", "source"), "int64", optional=True),
            Port("mask", "mask", ("batch", "time"), "int64", optional=True),
        ),
        outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
        construct=_decoder(layer),
        operations=_decoder_operations,
        violations=heads_divide,
        keeps_state=True,
        mixes_time=True,
    )


PRE_NORM_ENCODER = _encoder_signature("pre_norm_encoder", "PreNormEncoderLayer", "before")
POST_NORM_ENCODER = _encoder_signature("post_norm_encoder", "PostNormEncoderLayer", "after")
PRE_NORM_DECODER = _decoder_signature("pre_norm_decoder", "PreNormDecoderLayer", "before")
POST_NORM_DECODER = _decoder_signature("post_norm_decoder", "PostNormDecoderLayer", "after")
