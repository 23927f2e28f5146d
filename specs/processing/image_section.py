"""A spec's front end of images, by the field names of its Hub file, old spellings and new."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, FiniteFloat

from specs.fields import Size
from specs.problems import Problem
from specs.processing.files import FRONT_END_FILES, ImportedSection, read_front_end
from specs.processing.images import Crop, Image, ImageStep, Pad, Resize, ResizeShortSide, Shrink, Turn
from specs.processing.stated import Files, Section, Stated

Pixels = Size


class Rectangle(Section):
    """A height and a width."""

    height: Pixels = Field(description="Rows of pixels.")
    width: Pixels = Field(description="Pixels of a row.")


class ShortSide(Section):
    """The short side; the long one follows."""

    shortest_edge: Pixels = Field(description="Pixels of the short side.")


def _shortest(size: int | Rectangle | ShortSide) -> int | Rectangle | ShortSide:
    """One number where height and width are equal."""
    return size.height if isinstance(size, Rectangle) and size.height == size.width else size


Sized = Annotated[Pixels | Rectangle, AfterValidator(_shortest)]
"""Height and width, or one number for both."""
Resized = Annotated[Pixels | Rectangle | ShortSide, AfterValidator(_shortest)]
Colours = Annotated[list[FiniteFloat], Field(min_length=3, max_length=3)]
Deviations = Annotated[list[Annotated[FiniteFloat, Field(gt=0)]], Field(min_length=3, max_length=3)]


Resample = Literal[0, 1, 2, 3, 4, 5]
FILTERS = "Filter: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming."


class ImageProcessor(Section):
    """Fields of `preprocessor_config.json`; defaults are those most published classes have."""

    do_resize: bool = Field(True, description="Resize a picture.")
    size: Resized = Field(224, description="What it is resized to.")
    resample: Resample = Field(2, description=FILTERS)
    do_center_crop: bool = Field(False, description="Keep the middle of what was resized.")
    crop_size: Sized = Field(224, description="Size of the middle that is kept.")
    do_rescale: bool = Field(True, description="Multiply pixels by a factor.")
    rescale_factor: FiniteFloat = Field(1 / 255, description="Factor of the pixels.")
    do_normalize: bool = Field(True, description="Subtract a mean and divide by a deviation.")
    image_mean: Colours = Field([0.5, 0.5, 0.5], description="Means of red, green and blue.")
    image_std: Deviations = Field([0.5, 0.5, 0.5], description="Deviations of red, green and blue.")


class CroppedImageProcessor(ImageProcessor):
    """Those, of classes that by default resize to more than they keep."""

    size: Resized = Field(256, description="What it is resized to.")
    resample: Resample = Field(3, description=FILTERS)
    do_center_crop: bool = Field(True, description="Keep the middle of what was resized.")


class CubicImageProcessor(ImageProcessor):
    """Those, of classes that by default resize by cubics."""

    resample: Resample = Field(3, description=FILTERS)


class PageProcessor(ImageProcessor):
    """Those, and how pages of text are fitted into a rectangle without changing their shape."""

    size: Sized = Field(Rectangle(height=2560, width=1920), description="The rectangle.")
    do_thumbnail: bool = Field(True, description="Shrink a page into the rectangle.")
    do_align_long_axis: bool = Field(False, description="Turn a page that lies on its side.")
    do_pad: bool = Field(True, description="Put black around a page, up to the rectangle.")


SECTIONS: dict[str, type[ImageProcessor]] = {
    "ViTImageProcessor": ImageProcessor,
    "DeiTImageProcessor": CroppedImageProcessor,
    "BeitImageProcessor": CubicImageProcessor,
    "DonutImageProcessor": PageProcessor,
}
"""Published class -> the fields it has, with its defaults."""

INERT = {
    "_valid_processor_keys": "lists arguments of the published class",
    "data_format": "pixels are always laid out by channel",
    "default_to_square": "sizes are read as the class read them",
    "device": "says where the writer computed",
    "disable_grouping": "changes no pixel",
    "do_convert_rgb": "pictures are always made of three colours",
    "do_reduce_labels": "says something of segmentation maps alone",
    "reduce_labels": "says something of segmentation maps alone",
    "feature_extractor_type": "names the published class",
    "image_processor_type": "names the published class",
    "image_seq_length": "says something of texts alone",
    "input_data_format": "pictures are files",
    "processor_class": "names the published class",
    "return_tensors": "inputs are always tensors",
}
"""Fields of `preprocessor_config.json` that change nothing, and why."""

_UNUSED = {"do_pad": (False, None), "pad_size": (None,), "size_divisor": (None,)}
"""Fields with the values under which they change nothing."""


def stated(published: str) -> Stated[Image]:
    """The front end of families whose pictures a published class prepares."""
    section = SECTIONS[published]
    return Stated(
        section,
        FRONT_END_FILES,
        partial(_read, published),
        front_end,
        partial(_written, published),
        problems=problems,
        fitting=partial(_fitting, section),
        follows=True,
    )


def front_end(processor: ImageProcessor) -> Image:
    """The front end these fields describe."""
    normalizes = processor.do_normalize
    return Image(
        steps=tuple(_steps(processor)),
        factor=processor.rescale_factor if processor.do_rescale else None,
        mean=_colours(processor.image_mean) if normalizes else None,
        deviation=_colours(processor.image_std) if normalizes else None,
    )


def _steps(processor: ImageProcessor) -> Iterator[ImageStep]:
    if isinstance(processor, PageProcessor):
        yield from _page_steps(processor)
    elif processor.do_resize and isinstance(processor.size, ShortSide):
        yield ResizeShortSide(processor.size.shortest_edge, processor.resample)
    elif processor.do_resize:
        yield Resize(_sides(processor.size), processor.resample)
    if processor.do_center_crop:
        yield Crop(_sides(processor.crop_size))


def _page_steps(processor: PageProcessor) -> Iterator[ImageStep]:
    size = _sides(processor.size)
    if processor.do_align_long_axis:
        yield Turn(size)
    if processor.do_resize:
        yield ResizeShortSide(min(size), processor.resample)
    if processor.do_thumbnail:
        yield Shrink(size, processor.resample)
    if processor.do_pad:
        yield Pad(size)


def _sides(size: int | Rectangle | ShortSide) -> tuple[int, int]:
    assert not isinstance(size, ShortSide), "the short side alone is no size"
    return (size, size) if isinstance(size, int) else (size.height, size.width)


def _colours(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue


def _written(published: str, processor: ImageProcessor) -> Files:
    """The Hub file for these fields, in the spelling of today."""
    contents = processor.model_dump()
    for name in ("size", "crop_size"):
        if isinstance(contents[name], int):
            contents[name] = {"height": contents[name], "width": contents[name]}
    return {"preprocessor_config.json": {**contents, "image_processor_type": published}}


def problems(processor: ImageProcessor, address: str) -> Iterable[Problem]:
    """A warning where nothing gives pictures one size."""
    if front_end(processor).sizing is None:
        field = "size" if processor.do_resize else "do_resize"
        other = "do_pad: true" if isinstance(processor, PageProcessor) else "size: {height: H, width: W}"
        yield Problem(
            "XL419",
            "pictures of different shapes would become inputs of different sizes",
            ((f"{address}.{field}", "leaves a picture its shape"),),
            info=("a batch holds inputs of one size",),
            help=f"set `do_center_crop: true` or `{other}`",
            severity="warning",
        )


def _fitting(section: type[ImageProcessor], config: Mapping[str, Any]) -> dict[str, Any]:
    """Pictures of the size that an encoder takes, without a crop."""
    given = config.get("image_size", section().crop_size)
    size = {"height": given[0], "width": given[1]} if isinstance(given, list) else given
    if isinstance(size, dict) and size["height"] == size["width"]:
        size = size["height"]
    defaults = section().model_dump()
    if size == defaults["crop_size"] and (defaults["do_center_crop"] or defaults["size"] == size):
        return {}
    return {"size": size} | ({"do_center_crop": False} if defaults["do_center_crop"] else {})


def _read(published: str, address: str, contents: Mapping[str, bytes]) -> ImportedSection | None:
    """The section that a checkpoint's files mean."""
    refused: list[Problem] = []

    def prepared(given: dict[str, Any]) -> dict[str, Any]:
        name = str(given.get("image_processor_type") or given.get("feature_extractor_type") or published)
        stem = _ENDING.sub("ImageProcessor", name)
        if _is_of_pages(stem) is not _is_of_pages(published):
            refused.append(_other_class(name, published, address))
            stem = published
        return _respelt(given, stem, published)

    found = read_front_end(SECTIONS[published], address, contents, INERT, prepared)
    return found if found is None else replace(found, problems=[*refused, *found.problems])


def _is_of_pages(published: str) -> bool | None:
    """Whether a published class fits pages into a rectangle; None for one that is not known."""
    section = SECTIONS.get(published)
    return None if section is None else section is PageProcessor


def _respelt(given: Mapping[str, Any], stem: str, published: str) -> dict[str, Any]:
    """The fields of a file as they are spelt today, with those that its own class takes where it has none."""
    fields = {**({} if stem == published else SECTIONS[stem]().model_dump()), **given}
    for name in ("size", "crop_size"):
        if name in fields:
            fields[name] = _as_today(fields[name], is_width_first=bool(_is_of_pages(stem)))
    own = SECTIONS[published].model_fields
    return {
        name: value for name, value in fields.items() if name in own or value not in _UNUSED.get(name, ())
    }


_ENDING = re.compile(r"(FeatureExtractor|ImageProcessor(Fast|Pil)?)$")


def _as_today(size: Any, *, is_width_first: bool) -> Any:
    """A size as it is spelt today, one number where height and width are equal."""
    if isinstance(size, list) and len(size) == 2:
        height, width = reversed(size) if is_width_first else size
        size = {"height": height, "width": width}
    if isinstance(size, dict):
        size = {name: value for name, value in size.items() if value is not None}
        if size.keys() == {"height", "width"} and size["height"] == size["width"]:
            return size["height"]
    return size


def _other_class(name: str, published: str, address: str) -> Problem:
    known = [one for one in SECTIONS if _is_of_pages(one) is _is_of_pages(published)]
    return Problem(
        "XL116",
        f"pictures prepared by the published class `{name}` are not supported here",
        ((f"{address}.image_processor_type", "set here"),),
        info=("what its file leaves out follows from the class, and so does what its fields mean",),
        help=f"give the file of a checkpoint that was trained with {' or '.join(known)}",
    )
