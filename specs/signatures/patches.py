"""Signatures of blocks that make a sequence of an image."""

from __future__ import annotations

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.dense import WIDTH

_IMAGE = (
    Hyper("channels", int, "channels of an image", minimum=1),
    Hyper("image_height", int, "rows of pixels", minimum=1),
    Hyper("image_width", int, "columns of pixels", minimum=1),
)
_PORT = Port("image", "image", ("batch", "channels", "image_height", "image_width"))


def _patches(n: Numbers, _: Env) -> Dim:
    across = int(n.image_width) // int(n.patch_width)
    return Dim.constant(int(n.image_height) // int(n.patch_height) * across)


def _operations(n: Numbers, env: Env) -> Dim:
    patch = int(n.channels) * int(n.patch_height) * int(n.patch_width)
    return env["batch"] * _patches(n, env) * (patch * int(n.width))


PATCH_EMBEDDING = Signature(
    kind="patch_embedding",
    summary="Projection of every patch of an image.",
    hypers=(
        *_IMAGE,
        Hyper("patch_height", int, "rows of pixels of a patch", minimum=1),
        Hyper("patch_width", int, "columns of pixels of a patch", minimum=1),
        WIDTH,
    ),
    inputs=(_PORT,),
    outputs=(Port("hidden", "hidden", ("batch", _patches, "width")),),
    construct=lambda n: Block(
        "PatchEmbedding",
        {
            "channels": n.channels,
            "width": n.width,
            "patch_height": n.patch_height,
            "patch_width": n.patch_width,
        },
    ),
    operations=_operations,
    mixes_time=True,
)

IMAGE_PADDING = Signature(
    kind="image_padding",
    summary="Zeros below an image and to the right of it.",
    hypers=(
        *_IMAGE,
        Hyper("below", int, "rows of zeros", 0, minimum=0),
        Hyper("right", int, "columns of zeros", 0, minimum=0),
    ),
    inputs=(_PORT,),
    outputs=(
        Port(
            "image",
            "image",
            (
                "batch",
                "channels",
                lambda n, _: Dim.constant(int(n.image_height) + int(n.below)),
                lambda n, _: Dim.constant(int(n.image_width) + int(n.right)),
            ),
        ),
    ),
    construct=lambda n: Block("ZeroPadImage", {"below": n.below, "right": n.right}),
    operations=lambda n, env: env["batch"] * (int(n.channels) * int(n.image_height) * int(n.image_width)),
)

PATCH_POSITIONS = Signature(
    kind="patch_positions",
    summary="Sum of patches and a learned vector for each of them.",
    hypers=(Hyper("patches", int, "patches of an image", minimum=1), WIDTH),
    inputs=(Port("hidden", "hidden", ("batch", "patches", "width")),),
    outputs=(Port("hidden", "hidden", ("batch", "patches", "width")),),
    construct=lambda n: Block("PatchPositions", {"patches": n.patches, "width": n.width}),
    operations=lambda n, env: env["batch"] * (int(n.patches) * int(n.width)),
)
