"""Signatures of blocks that say how long positions last, and that repeat them so often."""

from __future__ import annotations

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.base import LENGTH, Env, Hyper, Numbers, Port, Signature
from specs.signatures.dense import DROPOUT, WIDTH

_HIDDEN = Port("hidden", "hidden", ("batch", "time", "width"))
_COUNTS = Port("counts", "lengths", ("batch", "time"), "int64")


def _predictor(n: Numbers) -> Block:
    channels = {"out_channels": n.inner, "kernel": n.kernel}
    norm = Block("nn.LayerNorm", {"normalized_shape": n.inner})
    parts = {
        "first": Block("CentredConvolution", {"in_channels": n.width, **channels}),
        "first_norm": norm,
        "second": Block("CentredConvolution", {"in_channels": n.inner, **channels}),
        "second_norm": norm,
    }
    return Block("DurationPredictor", {"inner": n.inner, "dropout": n.dropout}, parts)


def _prediction(n: Numbers, env: Env) -> Dim:
    width, inner, kernel = int(n.width), int(n.inner), int(n.kernel)
    return env["batch"] * env["time"] * (inner * (width + inner) * kernel + inner)


DURATION_PREDICTOR = Signature(
    kind="duration_predictor",
    summary="How often each position is to be repeated, from convolutions over its neighbours.",
    hypers=(
        WIDTH,
        Hyper("inner", int, "channels of both convolutions", minimum=1),
        Hyper("kernel", int, "positions that a convolution spans", 3, minimum=1),
        DROPOUT,
    ),
    inputs=(_HIDDEN, Port("mask", "mask", ("batch", "time"), "int64", optional=True)),
    outputs=(Port("durations", "lengths", ("batch", "time"), "int64"),),
    construct=_predictor,
    operations=_prediction,
    mixes_time=True,
)

ALIGNED_UPSAMPLER = Signature(
    kind="aligned_upsampler",
    summary="Every position repeated for each of the ids it stands for, zeros behind.",
    hypers=(WIDTH,),
    inputs=(_HIDDEN, _COUNTS, Port("ids", "token_ids", ("batch", "repeated"), "int64")),
    outputs=(
        Port("hidden", "hidden", ("batch", "repeated", "width")),
        Port("mask", "mask", ("batch", "repeated"), "int64"),
    ),
    construct=lambda _: Block("AlignedUpsampling"),
    operations=lambda _, env: env["batch"] * env["repeated"] * env["width"],
    mixes_time=True,
)


HARD_UPSAMPLER = Signature(
    kind="hard_upsampler",
    summary="Every position repeated as often as it is counted, zeros behind.",
    hypers=(WIDTH,),
    inputs=(_HIDDEN, _COUNTS),
    outputs=(
        Port("hidden", "hidden", ("batch", LENGTH, "width")),
        Port("mask", "mask", ("batch", LENGTH), "int64"),
    ),
    construct=lambda _: Block("HardUpsampling"),
    operations=lambda _, env: env["batch"] * env[LENGTH] * env["width"],
    mixes_time=True,
    takes_length=True,
)
