"""What the configs of encoders of image patches share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from specs.family import FamilyConfig
from specs.fields import Size
from specs.problems import Problem
from specs.values import Value, View, plain

Sides = Size | Annotated[list[Size], Field(min_length=2, max_length=2)]
"""Height and width, or one number for both."""


class PatchesConfig(FamilyConfig):
    """Fields of an encoder that cuts an image into patches."""

    image_size: Sides = Field(224, description="height and width of an image, or one number for both")
    patch_size: Sides = Field(16, description="height and width of a patch, or one number for both")
    num_channels: Size = Field(3, description="colour channels of an image")


def sides(value: Value) -> tuple[Value, Value]:
    """Height and width."""
    if isinstance(plain(value), list):
        height, width = value
        return height, width
    return value, value


def grid(c: View) -> tuple[Value, Value]:
    """Patches along the height and along the width."""
    (height, width), (patch_height, patch_width) = sides(c.image_size), sides(c.patch_size)
    return height // int(patch_height), width // int(patch_width)


def patch_rules(c: View) -> Iterable[Problem]:
    """XL309 where patches do not divide the image."""
    for name, side, patch in zip(("high", "wide"), sides(c.image_size), sides(c.patch_size), strict=True):
        if int(side) % int(patch):
            below = int(side) // int(patch) * int(patch)
            near = [str(size) for size in (below, below + int(patch)) if size]
            yield Problem(
                "XL309",
                f"patches {int(patch)} pixels {name} do not divide an image {int(side)} pixels {name}",
                (
                    (side.origin or "", f"{int(side)} / {int(patch)} is not whole"),
                    (patch.origin or "", "the patches"),
                ),
                info=("pixels beyond the last whole patch would never be seen",),
                help=f"use images {' or '.join(near)} pixels {name}, or other patches",
            )
            return
