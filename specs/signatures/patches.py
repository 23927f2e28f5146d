"""Signatures of blocks that turn images into sequences of patches."""

from __future__ import annotations

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.dense import DROPOUT, WIDTH

IMAGE = Port("image", "image", ("batch", "channels", "image_height", "image_width"))
CHANNELS = Hyper("channels", int, "colour channels of the image", 3, minimum=1)
PATCH = (
    Hyper("patch_height", int, "pixels a patch is high", minimum=1),
    Hyper("patch_width", int, "pixels a patch is wide", minimum=1),
)
_HIDDEN = Port("hidden", "hidden", ("batch", "time", "width"))


def patches(n: Numbers, env: Env) -> Dim:
    """How many whole patches an image has."""
    return (env["image_height"] // int(n.patch_height)) * (env["image_width"] // int(n.patch_width))


def _embedding_operations(n: Numbers, env: Env) -> Dim:
    pixels = int(n.patch_height) * int(n.patch_width) * int(n.channels)
    return env["batch"] * patches(n, env) * (pixels * int(n.width))


PATCH_EMBEDDING = Signature(
    kind="patch_embedding",
    summary="An affine map of every patch of an image, row by row.",
    hypers=(CHANNELS, WIDTH, *PATCH),
    inputs=(IMAGE,),
    outputs=(Port("hidden", "hidden", ("batch", patches, "width")),),
    construct=lambda n: Block(
        "PatchEmbedding",
        {
            "channels": n.channels,
            "width": n.width,
            "patch_height": n.patch_height,
            "patch_width": n.patch_width,
        },
    ),
    operations=_embedding_operations,
)

LEADING_TOKEN = Signature(
    kind="leading_token",
    summary="A learned state put before a sequence.",
    hypers=(WIDTH,),
    inputs=(_HIDDEN,),
    outputs=(Port("hidden", "hidden", ("batch", lambda _, env: env["time"] + 1, "width")),),
    construct=lambda n: Block("LeadingToken", {"width": n.width}),
    operations=lambda n, env: env["batch"] * env["width"],
    mixes_time=True,
)

_STATES = Port("hidden", "hidden", ("batch", "states", "width"))

ADD_POSITION_TABLE = Signature(
    kind="add_position_table",
    summary="Sum of a fixed number of hidden states and a learned row for each, then dropout.",
    hypers=(Hyper("states", int, "hidden states, each with its row", minimum=1), WIDTH, DROPOUT),
    inputs=(_STATES,),
    outputs=(_STATES,),
    construct=lambda n: Block(
        "AddPositionTable", {"states": n.states, "width": n.width, "dropout": n.dropout}
    ),
    operations=lambda n, env: env["batch"] * env["states"] * env["width"],
)

_GRID = (
    Hyper("leading", int, "states before the patches", minimum=0),
    Hyper("grid_rows", int, "patches along the height, of the learned grid", minimum=1),
    Hyper("grid_columns", int, "patches along the width, of the learned grid", minimum=1),
    WIDTH,
    *PATCH,
    DROPOUT,
)

_PLACED = Port("hidden", "hidden", ("batch", lambda n, env: patches(n, env) + int(n.leading), "width"))

ADD_GRID_POSITIONS = Signature(
    kind="add_grid_positions",
    summary="Sum of states and a grid of learned rows, interpolated to the image's patches, then dropout.",
    hypers=_GRID,
    inputs=(IMAGE, _PLACED),
    outputs=(_PLACED,),
    construct=lambda n: Block("AddGridPositions", {hyper.name: getattr(n, hyper.name) for hyper in _GRID}),
    operations=lambda n, env: env["batch"] * (patches(n, env) + int(n.leading)) * int(n.width),
)
