"""Signatures of what attention is told of distances: computed once, read by every layer."""

from __future__ import annotations

from collections.abc import Iterable

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.dense import WIDTH
from specs.signatures.stacks import heads_divide

HEADS = Hyper("heads", int, "attention heads", minimum=1)
_HIDDEN = Port("hidden", "hidden", ("batch", "time", "width"))


def distances(_: Numbers, env: Env) -> Dim:
    """How many distances two positions may have."""
    return env["time"] * 2 - 1


def head_width(n: Numbers, _: Env) -> Dim:
    """Channels of a head."""
    return Dim.constant(int(n.width) // int(n.heads))


def _buckets_remain(n: Numbers) -> Iterable[Violation]:
    exact = n.buckets.value // 4
    if n.maximum_distance.value <= exact:
        yield Violation(
            "XL104",
            f"{exact} buckets hold one distance each, and distances end at {n.maximum_distance.value}",
            (
                ("maximum_distance", f"at least {exact + 1}"),
                ("buckets", "a quarter of them"),
            ),
            f"use a distance above {exact}, or fewer buckets",
        )


BUCKETED_POSITION_BIAS = Signature(
    kind="bucketed_position_bias",
    summary="A learned number for every head and distance; far distances share theirs.",
    hypers=(
        HEADS,
        Hyper("buckets", int, "rows of the table, both directions together", minimum=4),
        Hyper("maximum_distance", int, "distance from which on all share the last row", minimum=2),
    ),
    inputs=(_HIDDEN,),
    outputs=(Port("positions", "hidden", ("heads", "time", "time")),),
    construct=lambda n: Block(
        "BucketedPositionBias",
        {"heads": n.heads, "buckets": n.buckets, "maximum_distance": n.maximum_distance},
    ),
    operations=lambda n, env: env["time"] * env["time"] * int(n.heads),
    violations=_buckets_remain,
    mixes_time=True,
)


def _even(n: Numbers) -> Iterable[Violation]:
    if n.width.value % 2:
        yield Violation(
            "XL304",
            f"sines and cosines take half the width each, and this one is {n.width.value}",
            (("width", "odd"),),
            f"use {n.width.value - 1} or {n.width.value + 1}",
        )


RELATIVE_SINUSOIDS = Signature(
    kind="relative_sinusoids",
    summary="A fixed vector of sines and cosines for every distance, from the largest to its negative.",
    hypers=(WIDTH,),
    inputs=(_HIDDEN,),
    outputs=(Port("positions", "hidden", (distances, "width")),),
    construct=lambda n: Block("RelativeSinusoids", {"width": n.width}),
    operations=lambda n, env: env["time"] * (2 * int(n.width)),
    violations=_even,
    mixes_time=True,
)


def _heads_even(n: Numbers) -> Iterable[Violation]:
    yield from heads_divide(n)
    width = n.width.value // n.heads.value
    if width % 2 and n.width.value % n.heads.value == 0:
        yield Violation(
            "XL304",
            f"rotation turns pairs of channels, and a head has {width} of them",
            (("heads", f"{n.width.value} / {n.heads.value} is odd"), ("width", "the width")),
            "use heads of an even width",
        )


ROTARY_ANGLES = Signature(
    kind="rotary_angles",
    summary="Cosines and sines by which a position rotates the channels of a head.",
    hypers=(WIDTH, HEADS, Hyper("base", int, "base of the frequencies", 10000, minimum=1)),
    inputs=(_HIDDEN,),
    outputs=(Port("positions", "hidden", (2, "time", head_width)),),
    construct=lambda n: Block("RotaryAngles", {"width": n.width, "heads": n.heads, "base": n.base}),
    operations=lambda n, env: env["time"] * int(n.width),
    violations=_heads_even,
    mixes_time=True,
)
