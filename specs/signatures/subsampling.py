"""Signatures of blocks that shorten time."""

from __future__ import annotations

from collections.abc import Iterable

from specs.dims import Dim, convolution_length
from specs.graph import Block, Repeat
from specs.signatures.activations import ACTIVATIONS, activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.dense import WIDTH
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
                        {
                            "in_channels": source,
                            "out_channels": target,
                            "kernel": kernel,
                            "stride": n.stride,
                            "padding": kernel // 2,
                        },
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


def _downsampled(n: Numbers, env: Env) -> Dim:
    length = env["time"]
    for _ in range(int(n.layers)):
        length = convolution_length(length, n.kernel, n.stride, n.padding)
    return length


def _downsampling_operations(n: Numbers, env: Env) -> Dim:
    total, length = Dim.constant(0), env["time"]
    for _ in range(int(n.layers)):
        length = convolution_length(length, n.kernel, n.stride, n.padding)
        total = total + env["batch"] * length * (2 * int(n.width) ** 2 * int(n.kernel))
    return total


def _downsampling(n: Numbers) -> Block:
    layer = Block(
        "GatedConvolution",
        {
            "in_channels": n.width,
            "out_channels": n.width,
            "kernel": n.kernel,
            "stride": n.stride,
            "padding": n.padding,
        },
    )
    layers = {"layers": (Repeat(layer, n.layers),)}
    if n.layerdrop.value:
        return Block("LayerDropConvDownsampling", {"layerdrop": n.layerdrop}, layers)
    return Block("ConvDownsampling", {}, layers)


GATED_CONV_DOWNSAMPLE = Signature(
    kind="gated_conv_downsample",
    summary="Gated strided convolutions over hidden states; mask lengths follow the strides.",
    hypers=(
        Hyper("layers", int, "number of convolutions", minimum=1, maximum=1024),
        WIDTH,
        Hyper("kernel", int, "kernel width of every convolution", 3, minimum=1),
        Hyper("stride", int, "stride of every convolution", 2, minimum=1),
        Hyper("padding", int, "zeros before and after the states", 1, minimum=0),
        Hyper("layerdrop", float, "probability that a layer is skipped in training", 0.0, 0, 1),
    ),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("mask", "mask", ("batch", "time"), "int64", optional=True, lengths_only=True),
    ),
    outputs=(
        Port("hidden", "hidden", ("batch", _downsampled, "width")),
        Port("mask", "mask", ("batch", _downsampled), "int64"),
    ),
    construct=_downsampling,
    operations=_downsampling_operations,
    mixes_time=True,
    leaks_padding="convolutions near the end of a sequence read the padding behind it",
)


def _strided(n: Numbers, env: Env) -> Dim:
    length = env["time"]
    for _ in range(int(n.layers)):
        length = convolution_length(length, 1, n.stride)
    return length


def _strided_operations(n: Numbers, env: Env) -> Dim:
    total, length, source = Dim.constant(0), env["time"], int(n.source_dim)
    for _ in range(int(n.layers)):
        length = convolution_length(length, 1, n.stride)
        total = total + env["batch"] * length * (source * int(n.target_dim) * int(n.kernel))
        source = int(n.target_dim)
    return total


def _strided_layers(n: Numbers) -> Iterable[Repeat]:
    """The first takes one width to the other; the last has no activation."""
    last = int(n.layers) - 1
    for index in range(last + 1):
        numbers = {
            "in_channels": n.target_dim if index else n.source_dim,
            "out_channels": n.target_dim,
            "kernel": n.kernel,
            "stride": n.stride,
        }
        acts = Block("nn.Identity") if index == last else activation(n.activation)
        yield Repeat(Block("StridedConvolution", numbers, {"activation": acts}), Value(1))


CONV_DOWNSAMPLE = Signature(
    kind="conv_downsample",
    summary="Strided convolutions from one width to another, blind to padding; the mask keeps their stride.",
    hypers=(
        Hyper("source_dim", int, "channels in", minimum=1),
        Hyper("target_dim", int, "channels out", minimum=1),
        Hyper("layers", int, "number of convolutions", 1, minimum=1, maximum=1024),
        Hyper("kernel", int, "kernel width of every convolution", 3, minimum=1),
        Hyper("stride", int, "stride of every convolution", 2, minimum=1),
        Hyper("activation", str, "activation between convolutions", "gelu", choices=tuple(ACTIVATIONS)),
    ),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "source_dim")),
        Port("mask", "mask", ("batch", "time"), "int64", optional=True),
    ),
    outputs=(
        Port("hidden", "hidden", ("batch", _strided, "target_dim")),
        Port("mask", "mask", ("batch", _strided), "int64"),
    ),
    construct=lambda n: Block("MaskedDownsampling", {}, {"layers": tuple(_strided_layers(n))}),
    operations=_strided_operations,
    mixes_time=True,
)
