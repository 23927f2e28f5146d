"""Pictures as an encoder was trained on them: turned, resized, padded and cropped in Pillow.

Every step is the published processors' own arithmetic, rounding included; a picture stays one of 8 bits
a colour until its pixels are rescaled.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.installing import require
from runtime.failures import failure
from runtime.images.reading import read_image
from specs.processing.images import Crop, Image, ImageStep, Pad, Resize, ResizeShortSide, Shrink, Turn

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


def as_pictures(images: Any) -> list[Picture]:
    """One picture or a list of them -> pictures of three colours.

    A picture is a path, an image of Pillow, or an array or tensor of 8-bit colours, [height, width, 3] or
    [3, height, width]. A file is turned as its camera was held; an image of Pillow is taken as it is.

    Raises CrossloomError: see `read_image`; what is no picture (XL418).
    """
    require("preparing images", "PIL", extra="image")
    several = isinstance(images, (list, tuple))
    rows: Sequence[Any] = images if several else [images]
    return [_as_picture(row, f"image {index}" if several else "the image") for index, row in enumerate(rows)]


def _as_picture(image: Any, name: str) -> Picture:
    from PIL import Image as Pillow

    if isinstance(image, (str, os.PathLike)):
        return read_image(image)
    if isinstance(image, Pillow.Image):
        return image.convert("RGB")
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or 3 not in (array.shape[0], array.shape[2]):
        raise failure(
            "XL418",
            f"{name} is {type(image).__name__} of the shape {list(array.shape)} and dtype {array.dtype}",
            info=("a picture is a path, an image of Pillow, or 8-bit colours [height, width, 3]",),
            help="pass the path, or numbers from 0 to 255 as uint8",
        )
    if array.shape[0] == array.shape[2]:
        raise failure(
            "XL418",
            f"{name} has the shape {list(array.shape)}: which dimension holds the colours is not guessed",
            help="pass an image of Pillow",
        )
    return Pillow.fromarray(np.moveaxis(array, 0, 2).copy() if array.shape[0] == 3 else array)


def prepared(pictures: Sequence[Picture], kind: Image) -> list[np.ndarray[Any, Any]]:
    """The pictures after the kind's steps: uint8 [3, height, width] each.

    Raises CrossloomError: a picture without a pixel, or too large to be padded (XL418); pictures that end up
    in different sizes (XL104).
    """
    arrays = []
    for index, picture in enumerate(pictures):
        name = "the image" if len(pictures) == 1 else f"image {index}"
        if not picture.width or not picture.height:
            raise failure("XL418", f"{name} has no pixels", help="leave it out")
        ready = picture
        for step in kind.steps:
            ready = _after(ready, step, name)
        arrays.append(np.moveaxis(np.asarray(ready), 2, 0))
    sizes = {array.shape[1:] for array in arrays}
    if len(sizes) > 1:
        listed = " and ".join(f"{height} x {width}" for height, width in sorted(sizes))
        raise failure(
            "XL104",
            f"the images end up in different sizes: {listed}",
            info=("a batch holds inputs of one size, and this front end leaves pictures their shape",),
            help="pass them one by one",
        )
    return arrays


def _after(picture: Picture, step: ImageStep, name: str) -> Picture:
    match step:
        case Turn(size=(height, width)):
            lies = picture.width > picture.height and width < height
            stands = picture.width < picture.height and width > height
            return picture.rotate(-90, expand=True) if lies or stands else picture
        case Resize(size=(height, width), resample=resample):
            return _resized(picture, height, width, resample)
        case ResizeShortSide(edge=edge, resample=resample):
            short, long = sorted(picture.size)
            other = int(edge * long / short)
            stands = picture.width <= picture.height
            return _resized(picture, *((other, edge) if stands else (edge, other)), resample)
        case Shrink():
            return _shrunk(picture, step)
        case Pad(size=(height, width)):
            return _padded(picture, height, width, name)
        case Crop(size=(height, width)):
            return _cropped(picture, height, width)


def _resized(picture: Picture, height: int, width: int, resample: int) -> Picture:
    return picture.resize((width, height), resample=resample)


def _shrunk(picture: Picture, step: Shrink) -> Picture:
    height, width = min(picture.height, step.size[0]), min(picture.width, step.size[1])
    if (height, width) == (picture.height, picture.width):
        return picture
    if picture.height > picture.width:
        width = int(picture.width * height / picture.height)
    elif picture.width > picture.height:
        height = int(picture.height * width / picture.width)
    return _resized(picture, max(1, height), max(1, width), step.resample)


def _padded(picture: Picture, height: int, width: int, name: str) -> Picture:
    from PIL import Image as Pillow

    if picture.height > height or picture.width > width:
        raise failure(
            "XL418",
            f"{name} is {picture.height} x {picture.width} pixels, and is to be padded to {height} x {width}",
            help="set `do_thumbnail: true`, so that it is shrunk first",
        )
    page = Pillow.new("RGB", (width, height))
    page.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return page


def _cropped(picture: Picture, height: int, width: int) -> Picture:
    """The middle; where the picture is smaller, black is put around it, one pixel more before than after."""
    from PIL import Image as Pillow

    large = max(height, picture.height), max(width, picture.width)
    if large != (picture.height, picture.width):
        page = Pillow.new("RGB", (large[1], large[0]))
        before = (large[1] - picture.width + 1) // 2, (large[0] - picture.height + 1) // 2
        page.paste(picture, before)
        top = (picture.height - height) // 2 + before[1]
        left = (picture.width - width) // 2 + before[0]
        picture = page
    else:
        top, left = (picture.height - height) // 2, (picture.width - width) // 2
    return picture.crop((left, top, left + width, top + height))
