"""Signatures of Conformer stacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from specs.dims import Dim
from specs.graph import Block, Repeat
from specs.signatures.activations import activation
from specs.signatures.base import DimRule, Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.relative_positions import distances, head_width
from specs.signatures.stacks import (
    COMMON,
    encoder_operations,
    feed_forward,
    heads_divide,
    self_attention,
    stack,
)
from specs.values import Value

CONFORMER = (
    *(hyper for hyper in COMMON if hyper.name != "eps"),
    Hyper("convolution_kernel", int, "positions that the convolution of a layer spans", 31, minimum=1),
    Hyper("convolution_dropout", float, "dropout on what the convolution gives", 0.0, 0, 1),
)


def _violations(n: Numbers) -> Iterable[Violation]:
    yield from heads_divide(n)
    kernel = n.convolution_kernel.value
    if kernel % 2 == 0:
        yield Violation(
            "XL104",
            f"a convolution that keeps its length has an odd kernel, and this one is {kernel}",
            (("convolution_kernel", "even"),),
            f"use {kernel - 1} or {kernel + 1}",
        )


def _rotary_violations(n: Numbers) -> Iterable[Violation]:
    found = list(_violations(n))
    yield from found
    if not any(violation.code == "XL302" for violation in found) and n.width.value // n.heads.value % 2:
        yield Violation(
            "XL304",
            f"rotation turns pairs of channels, and a head has {n.width.value // n.heads.value} of them",
            (("heads", f"{n.width.value} / {n.heads.value} is odd"), ("width", "the width")),
            "use heads of an even width",
        )


def _layer(n: Numbers, name: str) -> Block:
    """One Conformer layer with an attention of that name."""
    padding = {"padding": n.convolution_kernel // 2}
    convolution = Block(
        "ConvolutionModule",
        {"width": n.width},
        {
            "depthwise": Block("nn.Conv1d", {**depthwise(n), **padding}),
            "norm": Block("BatchNorm", {"width": n.width}),
            "activation": activation(n.activation),
        },
    )
    return conformer_layer(n, "ConformerEncoderLayer", self_attention(n, {}, name), convolution)


def depthwise(n: Numbers) -> dict[str, Value]:
    """The numbers of a convolution of every channel by itself."""
    return {
        "in_channels": n.width,
        "out_channels": n.width,
        "kernel_size": n.convolution_kernel,
        "groups": n.width,
        "bias": Value(False),
    }


def conformer_layer(n: Numbers, name: str, attention: Block, convolution: Block) -> Block:
    """A layer of that name around its attention and its convolution; its norms keep torch's own epsilon."""
    norm = Block("nn.LayerNorm", {"normalized_shape": n.width})
    return Block(
        name,
        {"dropout": n.dropout, "convolution_dropout": n.convolution_dropout},
        {
            "first_norm": norm,
            "first": feed_forward(n),
            "self_attention_norm": norm,
            "self_attention": attention,
            "convolution_norm": norm,
            "convolution": convolution,
            "second_norm": norm,
            "second": feed_forward(n),
            "final_norm": norm,
        },
    )


def _plain(n: Numbers) -> Block:
    return stack(n, "EncoderStack", (Repeat(_layer(n, "SelfAttention"), n.layers),))


def _positioned(attention: str) -> Callable[[Numbers], Block]:
    def construct(n: Numbers) -> Block:
        layers = (Repeat(_layer(n, attention), n.layers),)
        return stack(n, "PositionedEncoderStack", layers, always=Value(0))

    return construct


def conformer_operations(n: Numbers, env: Env) -> Dim:
    """Multiply-adds of layers of attention and a convolution between two feed-forwards."""
    width, inner = int(n.width), int(n.inner)
    more = 2 * width * inner + 3 * width * width + width * int(n.convolution_kernel)
    return encoder_operations(n, env) + env["batch"] * env["time"] * (more * int(n.layers))


def _relative_operations(n: Numbers, env: Env) -> Dim:
    width, layers = int(n.width), int(n.layers)
    count = env["time"] * 2 - 1
    scores = env["batch"] * env["time"] * count * (width * layers)
    return conformer_operations(n, env) + scores + count * (width * width * layers)


def _signature(
    kind: str,
    positions: str,
    construct: Callable[[Numbers], Block],
    operations: Callable[[Numbers, Env], Dim],
    dims: tuple[DimRule, ...] | None,
    violations: Callable[[Numbers], Iterable[Violation]] = _violations,
) -> Signature:
    told = () if dims is None else (Port("positions", "hidden", dims),)
    return Signature(
        kind=kind,
        summary=f"Conformer layers: attention {positions} and a convolution between half feed-forwards.",
        hypers=CONFORMER,
        inputs=(
            Port("hidden", "hidden", ("batch", "time", "width")),
            *told,
            Port("mask", "mask", ("batch", "time"), "int64", optional=True),
        ),
        outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
        construct=construct,
        operations=operations,
        violations=violations,
        mixes_time=True,
        leaks_padding="the convolutions of the layers read the positions around each one",
    )


CONFORMER_ENCODER = _signature("conformer_encoder", "without positions", _plain, conformer_operations, None)
RELATIVE_CONFORMER_ENCODER = _signature(
    "relative_conformer_encoder",
    "to distances",
    _positioned("RelativeSelfAttention"),
    _relative_operations,
    (distances, "width"),
)
ROTARY_CONFORMER_ENCODER = _signature(
    "rotary_conformer_encoder",
    "with rotated queries and keys",
    _positioned("RotarySelfAttention"),
    conformer_operations,
    (2, "time", head_width),
    _rotary_violations,
)
