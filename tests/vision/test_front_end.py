"""Pixels against the public image processors, over sizes, modes, filters and spellings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.image_utils import load_image

from crossloom import CrossloomError
from tests.vision.pictures import (
    MODES,
    PUBLISHED,
    cut_short,
    picture,
    processor_of,
    section_of,
    with_orientation,
    written,
)

EXACT = 1e-6
CONFIGS = Path(__file__).parent.parent / "data" / "vision" / "processors.json"

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "one number": ("vit", {"size": 24}),
    "height and width": ("vit", {"size": {"height": 17, "width": 30}, "resample": 3}),
    "nearest": ("vit", {"size": 13, "resample": 0}),
    "lanczos": ("vit", {"size": 13, "resample": 1}),
    "box": ("vit", {"size": 13, "resample": 4}),
    "hamming": ("vit", {"size": 13, "resample": 5}),
    "not rescaled": ("vit", {"size": 9, "do_rescale": False}),
    "another factor": ("vit", {"size": 9, "rescale_factor": 0.01, "do_normalize": False}),
    "colours apart": ("vit", {"size": 9, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.1]}),
    "short side and crop": (
        "deit",
        {"size": {"shortest_edge": 20}, "crop_size": {"height": 18, "width": 12}},
    ),
    "crop": ("deit", {"size": 30, "crop_size": 20}),
    "odd crop": ("deit", {"size": 30, "crop_size": 17}),
    "crop alone, of smaller pictures too": ("deit", {"do_resize": False, "crop_size": 41}),
    "crop of a rectangle": ("deit", {"do_resize": False, "crop_size": {"height": 40, "width": 21}}),
    "no crop": ("beit", {"size": 20, "do_center_crop": False, "crop_size": 7}),
    "beit crop": ("beit", {"size": 20, "do_center_crop": True, "crop_size": 7}),
    "page": ("donut-swin", {"size": {"height": 40, "width": 30}}),
    "page, width first": ("donut-swin", {"size": [30, 41]}),
    "lying page": ("donut-swin", {"size": [30, 40], "do_align_long_axis": True}),
    "standing page": ("donut-swin", {"size": [40, 30], "do_align_long_axis": True}),
    "small page": ("donut-swin", {"size": [100, 120], "do_resize": False}),
}


def pixels(published: Any, image: Any) -> torch.Tensor:
    """What the public processor gives for one picture."""
    given = published(images=image, return_tensors="pt")["pixel_values"]
    assert isinstance(given, torch.Tensor)
    return given.float()


@pytest.mark.parametrize("name", CASES)
def test_pixels(tmp_path: Path, name: str) -> None:
    family, fields = CASES[name]
    published, ours = PUBLISHED[family](**fields), processor_of(family, fields, tmp_path)
    for seed in range(12):
        # The published class refuses a page that would be shrunk to no width at all.
        image = picture(seed, size=(37, 37) if seed == 11 else None, least=20 if "page" in name else 1)
        given = ours(images=image)["pixel_values"]
        expected = pixels(published, image)
        assert given.shape == expected.shape, image.size
        assert float((given - expected).abs().max()) <= EXACT


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_modes_of_files(tmp_path: Path, mode: str, suffix: str) -> None:
    """As published, a file becomes three colours."""
    if (mode, suffix) == ("CMYK", ".png"):
        suffix = ".jpg"
    path = written(picture(3, mode), tmp_path / f"picture{suffix}")
    ours = processor_of("vit", {"size": 16}, tmp_path)
    expected = pixels(PUBLISHED["vit"](size=16), load_image(str(path)))
    for given in (path, str(path), Image.open(path)):
        assert float((ours(images=given)["pixel_values"] - expected).abs().max()) <= EXACT


@pytest.mark.parametrize("orientation", range(1, 9))
def test_files_are_turned_as_the_camera_was_held(tmp_path: Path, orientation: int) -> None:
    path = with_orientation(picture(1, size=(30, 18)), tmp_path / "photo.jpg", orientation)
    ours = processor_of("vit", {"size": 16}, tmp_path)
    upright = pixels(PUBLISHED["vit"](size=16), load_image(str(path)))
    assert float((ours(images=path)["pixel_values"] - upright).abs().max()) <= EXACT
    opened = Image.open(path)  # as published, a picture that is open already is taken as it is
    expected = pixels(PUBLISHED["vit"](size=16), opened)
    assert float((ours(images=opened)["pixel_values"] - expected).abs().max()) <= EXACT


def test_arrays_and_batches(tmp_path: Path) -> None:
    ours = processor_of("vit", {"size": 16}, tmp_path)
    images = [picture(seed) for seed in range(3)]
    expected = torch.cat([ours(images=image)["pixel_values"] for image in images])
    arrays = [np.asarray(image) for image in images]
    assert torch.equal(ours(images=images)["pixel_values"], expected)
    assert torch.equal(ours(images=arrays)["pixel_values"], expected)
    first = [torch.from_numpy(np.moveaxis(array, 2, 0).copy()) for array in arrays]
    assert torch.equal(ours(images=first)["pixel_values"], expected)


def wrong_pictures(folder: Path) -> dict[str, tuple[Any, str]]:
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    return {
        "absent": (folder / "absent.png", "XL117"),
        "a folder": (folder, "XL117"),
        "text": (folder / "text.png", "XL418"),
        "empty": (folder / "empty.png", "XL418"),
        "short png": (cut_short(picture(1, size=(80, 80)), folder / "short.png"), "XL418"),
        "short jpeg": (cut_short(picture(1, size=(80, 80)), folder / "short.jpg"), "XL418"),
        "bomb": (written(Image.new("1", (20000, 9000)), folder / "bomb.png"), "XL418"),
        "larger bomb": (written(Image.new("1", (30000, 9000)), folder / "larger.png"), "XL418"),
        "floats": (np.zeros((4, 4, 3)), "XL418"),
        "grey array": (np.zeros((4, 5), dtype=np.uint8), "XL418"),
        "ambiguous": (np.zeros((3, 5, 3), dtype=np.uint8), "XL418"),
        "none": ([], "XL105"),
    }


@pytest.mark.parametrize(
    "name",
    ["absent", "a folder", "text", "empty", "short png", "short jpeg", "bomb", "larger bomb", "floats",
     "grey array", "ambiguous", "none"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(tmp_path: Path, name: str) -> None:
    given, code = wrong_pictures(tmp_path)[name]
    with pytest.raises(CrossloomError) as refused:
        processor_of("vit", {"size": 16}, tmp_path)(images=given)
    assert [d.code for d in refused.value.diagnostics] == [code]
    assert refused.value.diagnostics[0].help


def test_pictures_of_unequal_sizes_are_no_batch(tmp_path: Path) -> None:
    ours = processor_of("vit", {"size": {"shortest_edge": 8}}, tmp_path)
    with pytest.raises(CrossloomError, match="XL104"):
        ours(images=[picture(1, size=(10, 20)), picture(1, size=(20, 10))])


def test_a_page_that_is_not_shrunk_must_fit(tmp_path: Path) -> None:
    fields = {"size": [8, 8], "do_resize": False, "do_thumbnail": False}
    with pytest.raises(CrossloomError, match="XL418"):
        processor_of("donut-swin", fields, tmp_path)(images=picture(1, size=(10, 20)))


def published_files() -> dict[str, tuple[str, dict[str, Any]]]:
    """Name -> family of its encoder, contents of its preprocessor_config.json."""
    files: dict[str, Any] = json.loads(CONFIGS.read_text())
    return {name: (one["family"], one["file"]) for name, one in files.items()}


@pytest.mark.parametrize("name", published_files())
def test_published_files_are_read_and_written_back(tmp_path: Path, name: str) -> None:
    """The written file makes the public processor give what it gave, and reads as the same section."""
    family, contents = published_files()[name]
    kind = {"D": "donut-swin", "B": "beit"}.get(contents.get("feature_extractor_type", "V")[0], "vit")
    if contents.get("feature_extractor_type", "").startswith("DeiT"):
        kind = "deit"
    ours = processor_of(family, contents, tmp_path)
    ours.save(tmp_path)
    again = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert section_of(family, again, tmp_path) == section_of(family, contents, tmp_path)
    image = picture(5, size=(70, 90))
    given = ours(images=image)["pixel_values"]
    expected = pixels(PUBLISHED[kind](**contents), image)
    assert float((given - expected).abs().max()) <= EXACT
    own = PUBLISHED["donut-swin" if family == "donut-swin" else "vit"]
    assert torch.equal(pixels(own(**again), image), expected)


CROPPED = {"size": 256, "resample": 3, "do_center_crop": True}
WHOLE = {"size": 224, "resample": 2, "do_center_crop": False}
NEW = {
    "image_processor_type": "ViTImageProcessorFast",
    "size": {"height": 8, "width": 8},
    "do_convert_rgb": None,
}


@pytest.mark.parametrize(
    ("family", "fields", "section"),
    [
        ("vit", NEW, {"size": 8}),
        ("vit", {"size": {"shortest_edge": 9, "longest_edge": None}}, {"size": {"shortest_edge": 9}}),
        ("vit", {"feature_extractor_type": "DeiTFeatureExtractor"}, CROPPED),
        ("deit", {"image_processor_type": "ViTImageProcessor"}, WHOLE),
        ("vit", {"do_pad": False, "size": 224}, {}),
    ],
)  # fmt: skip
def test_spellings(tmp_path: Path, family: str, fields: dict[str, Any], section: dict[str, Any]) -> None:
    assert section_of(family, fields, tmp_path) == section


@pytest.mark.parametrize(
    ("family", "fields", "code"),
    [
        ("vit", {"image_processor_type": "CLIPImageProcessor"}, "XL116"),
        ("vit", {"feature_extractor_type": "DonutFeatureExtractor"}, "XL116"),
        ("donut-swin", {"feature_extractor_type": "ViTFeatureExtractor"}, "XL116"),
        ("vit", {"crop_pct": 0.9}, "XL115"),
        ("vit", {"do_pad": True}, "XL115"),
        ("vit", {"size": 0}, "XL116"),
        ("vit", {"size": "224"}, "XL103"),
        ("vit", {"resample": 9}, "XL116"),
        ("vit", {"image_std": [0.5, 0.0, 0.5]}, "XL116"),
        ("vit", {"image_mean": [0.5]}, "XL103"),
    ],
)
def test_what_would_be_misread_is_refused(family: str, fields: dict[str, Any], code: str) -> None:
    from specs.families import family as family_of
    from specs.family import front_end_of

    stated = front_end_of(family_of(family))
    assert stated is not None
    found = stated.read("processor", {"preprocessor_config.json": json.dumps(fields).encode()})
    assert found is not None
    assert code in {problem.code for problem in found.problems}
