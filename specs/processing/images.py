"""The front end of encoders of images: what is done to a picture, step by step, and to its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A quarter turn to the right where the long side of the picture is not that of `size`."""

    size: Size


@dataclass(frozen=True, slots=True)
class Resize:
    """Height and width, whatever they were; `resample` is the number of a filter in Pillow."""

    size: Size
    resample: int


@dataclass(frozen=True, slots=True)
class ResizeShortSide:
    """The short side becomes `edge` pixels, the long one keeps the shape."""

    edge: int
    resample: int


@dataclass(frozen=True, slots=True)
class Shrink:
    """Into `size` where the picture is larger; its shape is kept, but for a square one."""

    size: Size
    resample: int


@dataclass(frozen=True, slots=True)
class Pad:
    """Black on all sides, up to `size`; an odd pixel goes to the right or the bottom."""

    size: Size


@dataclass(frozen=True, slots=True)
class Crop:
    """The middle, `size`; black where the picture is smaller."""

    size: Size


ImageStep = Turn | Resize | ResizeShortSide | Shrink | Pad | Crop
"""Every kind of step."""


@dataclass(frozen=True, slots=True)
class Image:
    """Pictures of three colours: the steps, then each pixel times a factor, minus a mean, by a deviation.

    Attributes:
        steps: in order.
        factor: of the pixels, 0 to 255; None leaves them.
        mean: of the channels red, green, blue; None leaves the pixels.
        deviation: as the mean.
    """

    steps: tuple[ImageStep, ...] = ()
    factor: float | None = None
    mean: tuple[float, float, float] | None = None
    deviation: tuple[float, float, float] | None = None
    takes: ClassVar[str] = "image"
    input_name: ClassVar[str] = "pixel_values"
    channels: ClassVar[int] = 3

    @property
    def sizing(self) -> Resize | Pad | Crop | None:
        """The step that settles the size of every picture; None where they keep sizes of their own."""
        last = next((step for step in reversed(self.steps) if not isinstance(step, Turn)), None)
        return last if isinstance(last, Resize | Pad | Crop) else None
