"""Signature of the block that pads images."""

from __future__ import annotations

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.patches import CHANNELS, IMAGE


def _height(n: Numbers, env: Env) -> Dim:
    return env["image_height"] + int(n.below)


def _width(n: Numbers, env: Env) -> Dim:
    return env["image_width"] + int(n.right)


IMAGE_PADDING = Signature(
    kind="image_padding",
    summary="Zeros below an image and to its right.",
    hypers=(
        CHANNELS,
        Hyper("below", int, "rows of zeros", 0, minimum=0),
        Hyper("right", int, "columns of zeros", 0, minimum=0),
    ),
    inputs=(IMAGE,),
    outputs=(Port("image", "image", ("batch", "channels", _height, _width)),),
    construct=lambda n: Block("ZeroPadImage", {"below": n.below, "right": n.right}),
    operations=lambda n, env: env["batch"] * env["channels"] * _height(n, env) * _width(n, env),
)
