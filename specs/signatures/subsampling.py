"""Signatures of blocks that shorten time."""

from __future__ import annotations

from collections.abc import Iterable

from specs.dims import Dim, convolution_length
from specs.graph import Block, Repeat
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.values import Value


def _channels(n: Numbers) -> list[tuple[Value, Value, Value]]:
    """(in, out, kernel) of every convolution; out is counted after the gate."""
    last = len(n.kernels) - 1
    half = n.channels // 2
    return [
        (n.input_width if i == 0 else half, n.width if i == last else half, kernel)
        for i, kernel in enumerate(n.kernels)
    ]


def _length(n: Numbers, env: Env) -> Dim:
    length = env["frames"]
    for kernel in n.kernels:
        length = convolution_length(length, kernel.value, n.stride.value, kernel.value // 2)
    return length


def _operations(n: Numbers, env: Env) -> Dim:
    total, length = Dim.constant(0), env["frames"]
    for source, target, kernel in _channels(n):
        length = convolution_length(length, kernel.value, n.stride.value, kernel.value // 2)
        total = total + env["batch"] * length * (2 * source.value * target.value * kernel.value)
    return total


def _violations(n: Numbers) -> Iterable[Violation]:
    if not len(n.kernels):
        yield Violation(
            "XL104",
            "a subsampler needs a convolution, and `kernels` is empty",
            (("kernels", "no convolution"),),
            "list the kernel width of each convolution",
        )
    if n.channels.value % 2 and len(n.kernels) > 1:
        yield Violation(
            "XL308",
            f"a gated convolution halves its channels, and {n.channels.value} is odd",
            (("channels", "odd"),),
            f"use {n.channels.value - 1} or {n.channels.value + 1}",
        )


def _construct(n: Numbers) -> Block:
    return Block(
        "ConvSubsampler",
        parts={
            "layers": tuple(
                Repeat(
                    Block(
                        "GatedConvolution",
                        {"in_channels": source, "out_channels": target, "kernel": kernel, "stride": n.stride},
                    ),
                    Value(1),
                )
                for source, target, kernel in _channels(n)
            )
        },
    )


CONV_SUBSAMPLER = Signature(
    kind="conv_subsampler",
    summary="Gated strided convolutions over time; mask lengths follow the strides.",
    hypers=(
        Hyper("input_width", int, "feature channels in", minimum=1),
        Hyper("channels", int, "channels between convolutions, before the gate", minimum=2),
        Hyper("width", int, "channels out", minimum=1),
        Hyper("kernels", list, "kernel width of each convolution", items=int, minimum=1),
        Hyper("stride", int, "stride of every convolution", 2, minimum=1),
    ),
    inputs=(
        Port("features", "features", ("batch", "frames", "input_width")),
        Port("mask", "mask", ("batch", "frames"), "int64", optional=True, lengths_only=True),
    ),
    outputs=(
        Port("hidden", "hidden", ("batch", _length, "width")),
        Port("mask", "mask", ("batch", _length), "int64"),
    ),
    construct=_construct,
    operations=_operations,
    violations=_violations,
    mixes_time=True,
    leaks_padding="convolutions near the end of a sample read the padding behind it",
)
