"""Signatures of blocks that hide states: padding always, spans in training."""

from __future__ import annotations

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.dense import WIDTH

_HIDDEN = Port("hidden", "hidden", ("batch", "time", "width"))
_MASK = Port("mask", "mask", ("batch", "time"), "int64", optional=True)


def _elementwise(_: Numbers, env: Env) -> Dim:
    return env["batch"] * env["time"] * env["width"]


ZERO_PADDING = Signature(
    kind="zero_padding",
    summary="Hidden states with padding set to zero.",
    hypers=(),
    inputs=(_HIDDEN, _MASK),
    outputs=(_HIDDEN,),
    construct=lambda _: Block("ZeroPadding"),
    operations=_elementwise,
)

_HYPERS = (
    WIDTH,
    Hyper("time_probability", float, "share of the positions that training hides", 0.0, 0, 1),
    Hyper("time_span", int, "positions of a hidden span", 10, minimum=1),
    Hyper("time_minimum", int, "fewest hidden spans of positions", 0, minimum=0),
    Hyper("channel_probability", float, "share of the channels that training zeroes", 0.0, 0, 1),
    Hyper("channel_span", int, "channels of a zeroed span", 10, minimum=1),
    Hyper("channel_minimum", int, "fewest zeroed spans of channels", 0, minimum=0),
)

SPAN_MASKING = Signature(
    kind="span_masking",
    summary="Spans of positions and of channels hidden in training.",
    hypers=_HYPERS,
    inputs=(_HIDDEN, _MASK),
    outputs=(_HIDDEN,),
    construct=lambda n: Block("SpanMasking", {hyper.name: getattr(n, hyper.name) for hyper in _HYPERS}),
    operations=_elementwise,
    mixes_time=True,
    trains_only=True,
)
