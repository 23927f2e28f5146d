"""ViT, DeiT and BEiT in every spelling, and as they begin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BeitForImageClassification,
    BeitForMaskedImageModeling,
    DeiTForImageClassificationWithTeacher,
    ViTForImageClassification,
    ViTForMaskedImageModeling,
)
from transformers.models.beit.modeling_beit import BeitRelativePositionBias

import crossloom
from tests.oracle import spread
from tests.parity.cases import LOGITS, difference
from tests.vision.oracle import CLASSES, random_images, random_settings, save

FAMILIES = ("beit", "deit", "vit")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("is_prefixed", [False, True])
def test_with_and_without_the_prefix(tmp_path: Path, family: str, is_prefixed: bool) -> None:
    theirs: Any = save(family, 1, tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = {f"{family}." * is_prefixed + name: tensor for name, tensor in load_file(path).items()}
    save_file(tensors, path)
    images = random_images(theirs.config, 1)
    with torch.no_grad():
        given = crossloom.from_pretrained(tmp_path).encode(images).hidden
        assert difference(given, theirs(images).last_hidden_state) <= LOGITS


TABLE, INDEX = "relative_position_bias_table", "relative_position_index"


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("is_sound", [True, False])
def test_stored_numbers_of_offsets_are_compared(tmp_path: Path, seed: int, is_sound: bool) -> None:
    """Older files keep them beside every table: of a layer's own, and of the one all layers share."""
    theirs: Any = save("beit", seed, tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    sides = {one.window_size for one in theirs.modules() if isinstance(one, BeitRelativePositionBias)}
    numbers = BeitRelativePositionBias.generate_relative_position_index(*sides)
    stored = numbers if is_sound else numbers.flip(0)
    beside = [name.replace(TABLE, INDEX) for name in tensors if name.endswith(TABLE)]
    tensors |= {name: stored.contiguous().clone() for name in beside}
    assert beside
    save_file(tensors, path)
    if is_sound:
        crossloom.from_pretrained(tmp_path)
        return
    with pytest.raises(crossloom.CrossloomError, match="XL512"):
        crossloom.from_pretrained(tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_half_a_spelling_is_refused(tmp_path: Path, family: str) -> None:
    save(family, 1, tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    save_file({f"{family}." * (i % 2) + name: tensors[name] for i, name in enumerate(sorted(tensors))}, path)
    with pytest.raises(crossloom.CrossloomError, match=r"XL5(01|04|11)"):
        crossloom.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("family", "head"),
    [
        ("beit", BeitForImageClassification),
        ("beit", BeitForMaskedImageModeling),
        ("deit", DeiTForImageClassificationWithTeacher),
        ("vit", ViTForImageClassification),
        ("vit", ViTForMaskedImageModeling),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_an_encoder_is_read_from_below_any_head(tmp_path: Path, family: str, head: Any, seed: int) -> None:
    torch.manual_seed(seed)
    settings = random_settings(family, seed) | ({"use_mask_token": True} if family == "beit" else {})
    settings |= {"encoder_stride": settings["patch_size"]} if family == "vit" else {}
    model = spread(head(CLASSES[family][0](**settings)))
    model.save_pretrained(tmp_path)
    spec = crossloom.import_spec(tmp_path)
    assert [d.code for d in crossloom.verify(spec) if d.severity.value == "error"] == []
    images = random_images(model.config, seed)
    with torch.no_grad():
        expected = getattr(model, family)(images).last_hidden_state
        assert difference(crossloom.load(spec).encode(images).hidden, expected) <= LOGITS


@pytest.mark.parametrize("family", FAMILIES)
def test_statistics_are_the_published_ones(tmp_path: Path, family: str) -> None:
    torch.manual_seed(0)
    config_class, model_class = CLASSES[family]
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
    more = {} if family != "beit" else {"use_relative_position_bias": True, "layer_scale_init_value": 0.3}
    config = config_class(**sizes, **more, image_size=64, patch_size=8, initializer_range=0.07)
    model_class(config).save_pretrained(tmp_path)
    theirs = load_file(tmp_path / "model.safetensors")
    spec = crossloom.import_spec(tmp_path)
    ours = crossloom.build(spec, seed=1).state_dict()
    for row in crossloom.weight_table(spec):
        if row.status == "computed":
            continue
        fresh, published = ours[row.address], theirs[row.sources[0].partition(".")[2]]
        if published.std() == 0:  # biases, norms, offsets, factors
            assert torch.equal(fresh, published), row.address
            continue
        assert fresh.std() == pytest.approx(float(published.std()), rel=6 / fresh.numel() ** 0.5), row.address
        assert abs(float(fresh.mean())) < 6 * 0.07 / fresh.numel() ** 0.5, row.address
