"""Pictures of every mode and shape, and the public processors beside ours."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from transformers.models.beit.image_processing_pil_beit import BeitImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.donut.image_processing_pil_donut import DonutImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

PUBLISHED: dict[str, Any] = {
    "beit": BeitImageProcessorPil,
    "deit": DeiTImageProcessorPil,
    "donut-swin": DonutImageProcessorPil,
    "vit": ViTImageProcessorPil,
}
MODES = ("RGB", "L", "RGBA", "P", "LA", "1", "CMYK", "I;16")
ORIENTATION = 0x0112
"""EXIF tag: how the camera was held."""


def picture(seed: int, mode: str = "RGB", size: tuple[int, int] | None = None, least: int = 1) -> Image.Image:
    """Random colours; width and height are drawn where not given."""
    draw = random.Random(f"picture {seed}")
    width, height = size or (draw.randint(least, 90), draw.randint(least, 90))
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    made = Image.fromarray(noise)
    if mode in ("RGBA", "LA"):
        made.putalpha(Image.fromarray(noise[..., 0]))
    return made if mode == "RGB" else made.convert({"I;16": "I"}.get(mode, mode)).convert(mode)


def written(image: Image.Image, path: Path, **options: Any) -> Path:
    """A file of the picture, its format by its ending."""
    image.save(path, **options)
    return path


def with_orientation(image: Image.Image, path: Path, orientation: int) -> Path:
    """A file whose EXIF data say how it is to be turned."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return written(image, path, exif=exif)


def cut_short(image: Image.Image, path: Path, share: float = 0.5) -> Path:
    """A file that ends early."""
    held = io.BytesIO()
    image.save(held, format="PNG" if path.suffix == ".png" else "JPEG")
    path.write_bytes(held.getvalue()[: int(len(held.getvalue()) * share)])
    return path


def section_of(family: str, fields: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The `processor:` section that a checkpoint's file with these fields is read as."""
    from specs.families import family as family_of
    from specs.family import front_end_of

    stated = front_end_of(family_of(family))
    assert stated is not None
    contents = {"preprocessor_config.json": json.dumps(fields).encode()}
    found = stated.read("processor", contents)
    assert found is not None
    assert not found.problems, found.problems
    return found.fields


def processor_of(family: str, fields: dict[str, Any], folder: Path) -> Any:
    """Our processor of a checkpoint's file with these fields."""
    from runtime.processing import Processor
    from specs.families import family as family_of
    from specs.family import front_end_of

    stated = front_end_of(family_of(family))
    assert stated is not None
    section = stated.section.model_validate(section_of(family, fields, folder))
    return Processor(stated.kind(section), files=stated.written(section))
