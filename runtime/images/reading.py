"""Read PNG, JPEG and whatever else Pillow decodes by itself, as upright pictures of three colours."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, BinaryIO

from compiler.installing import require
from runtime.failures import failure

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that are decoded; those for which Pillow starts other programs are not among them."""

_DECODING = (OSError, SyntaxError, ValueError, EOFError, ArithmeticError, LookupError, TypeError, MemoryError)
"""What Pillow raises on the way through a broken file, beside its own errors."""


def read_image(path: str | os.PathLike[str] | BinaryIO) -> Picture:
    """The picture of a file, or of an open binary file: three colours, turned as its camera was held.

    Of several frames it is the first. Transparency is dropped, greys and palettes become colours.

    Raises CrossloomError: file cannot be opened (XL117); no picture, a broken or truncated one, or one of
    more pixels than Pillow takes for honest (XL418).
    """
    require("reading images", "PIL", extra="image")
    from PIL import Image, UnidentifiedImageError

    name = f"`{os.fspath(path)}`" if isinstance(path, (str, os.PathLike)) else "the image"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as opened:
                return upright(opened).convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise failure(
            "XL418",
            f"{name} unpacks to more than {Image.MAX_IMAGE_PIXELS} pixels",
            info=("a small file can hold a picture that fills the memory",),
            help="make it smaller first",
        ) from None
    except UnidentifiedImageError:
        raise failure(
            "XL418",
            f"{name} is no image that can be read",
            info=(f"{', '.join(FORMATS[:-1])} and {FORMATS[-1]} can be read",),
            help="convert it to PNG or JPEG",
        ) from None
    except (FileNotFoundError, IsADirectoryError, PermissionError, NotADirectoryError) as error:
        raise failure("XL117", f"{name} cannot be opened: {error.strerror}", help="check the path") from None
    except _DECODING as error:
        raise failure(
            "XL418",
            f"{name} cannot be read as an image: {error}",
            info=("it is broken, or was cut short",),
            help="replace the file, or leave it out",
        ) from None


def upright(picture: Picture) -> Picture:
    """The picture turned and mirrored as its EXIF data say."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture)
