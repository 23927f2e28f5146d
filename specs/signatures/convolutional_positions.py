"""Signatures of positions by convolutions over time."""

from __future__ import annotations

from collections.abc import Iterable

from specs.dims import Dim, convolution_length
from specs.graph import Block, Repeat
from specs.signatures.activations import activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.dense import WIDTH
from specs.signatures.waveform import ACTIVATION

LEAKS = "it reads the positions around each one: padding is to be zero before"

_HYPERS = (
    WIDTH,
    Hyper("kernel", int, "positions that a convolution spans", minimum=1),
    Hyper("groups", int, "groups of channels that do not mix", 1, minimum=1),
    ACTIVATION,
)


def _groups_divide(n: Numbers) -> Iterable[Violation]:
    if n.width.value % n.groups.value:
        yield Violation(
            "XL302",
            f"{n.groups.value} groups of the convolution do not divide the width {n.width.value}",
            (("groups", f"{n.width.value} / {n.groups.value} is not whole"), ("width", "the width")),
            f"use a width that is a multiple of {n.groups.value}, or other groups",
        )


def _plain_convolution(n: Numbers) -> Block:
    channels = {"in_channels": n.width, "out_channels": n.width, "kernel_size": n.kernel}
    return Block("LengthKeepingConvolution", {**channels, "padding": n.kernel // 2, "groups": n.groups})


def _positions(n: Numbers) -> Block:
    parts = {"activation": activation(n.activation)}
    if n.norm.value == "batch":
        norm = Block("BatchNorm", {"width": n.width})
        return Block(
            "BatchNormConvolutionPositions", parts={"norm": norm, "conv": _plain_convolution(n), **parts}
        )
    conv = Block("WeightNormConvolution", {"width": n.width, "kernel": n.kernel, "groups": n.groups})
    return Block("ConvolutionPositions", parts={"conv": conv, **parts})


def _operations(n: Numbers, env: Env) -> Dim:
    # The convolution computes what an even kernel gives too many, and then it is dropped.
    length = convolution_length(env["time"], n.kernel, 1, n.kernel // 2)
    return env["batch"] * length * (int(n.width) * (int(n.width) // int(n.groups)) * int(n.kernel))


CONVOLUTION_POSITIONS = Signature(
    kind="convolution_positions",
    summary="Positions from a wide grouped convolution over time.",
    hypers=(
        *_HYPERS,
        Hyper(
            "norm",
            str,
            "its weight normalised, a tap at a time, or what it reads, over the batch",
            "weight",
            choices=("weight", "batch"),
        ),
    ),
    inputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    outputs=(Port("positions", "hidden", ("batch", "time", "width")),),
    construct=_positions,
    operations=_operations,
    violations=_groups_divide,
    mixes_time=True,
    leaks_padding=LEAKS,
)


def _stacked(n: Numbers) -> Block:
    parts = {"conv": _plain_convolution(n), "activation": activation(n.activation)}
    layer = Block("PositionConvolution", parts=parts)
    return Block("StackedConvolutionPositions", parts={"layers": (Repeat(layer, n.layers),)})


STACKED_CONVOLUTION_POSITIONS = Signature(
    kind="stacked_convolution_positions",
    summary="Positions from grouped convolutions over time, one after another, each normalised.",
    hypers=(Hyper("layers", int, "number of convolutions", minimum=1, maximum=1024), *_HYPERS),
    inputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    outputs=(Port("positions", "hidden", ("batch", "time", "width")),),
    construct=_stacked,
    operations=lambda n, env: _operations(n, env) * int(n.layers),
    violations=_groups_divide,
    mixes_time=True,
    leaks_padding=LEAKS,
)
