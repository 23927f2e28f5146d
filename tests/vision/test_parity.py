"""Hidden states, exports, and every published spelling of a checkpoint, against the public implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from tests.oracle import stored_differently
from tests.pairs.cases import spec_of
from tests.parity.cases import LOGITS, difference
from tests.vision import oracle
from tests.vision.oracle import CLASSES, random_images, save

each = pytest.mark.parametrize(("family", "seed"), oracle.each)


@each
def test_states_and_export(tmp_path: Path, family: str, seed: int) -> None:
    """The exported folder loads as the published class with nothing missing, its files bit-equal."""
    theirs: Any = save(family, seed, tmp_path / "in")
    ours = crossloom.from_pretrained(tmp_path / "in")
    assert ours.spec.kind == "encoder"
    images = random_images(theirs.config, seed)
    with torch.no_grad():
        encoded = ours.encode(images)
        assert encoded.mask is None
        assert difference(encoded.hidden, theirs(images).last_hidden_state) <= LOGITS
    crossloom.export(ours, tmp_path / "out")
    assert stored_differently(tmp_path / "in", tmp_path / "out") == []
    model_class: Any = CLASSES[family][1]
    again, report = model_class.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(report.values()), report
    with torch.no_grad():
        published = again.eval()(images)
        assert torch.equal(published.last_hidden_state, theirs(images).last_hidden_state)
        assert torch.equal(published.pooler_output, theirs(images).pooler_output)


@each
def test_gradients_are_the_published_ones(tmp_path: Path, family: str, seed: int) -> None:
    theirs: Any = save(family, seed, tmp_path)
    ours = crossloom.from_pretrained(tmp_path)
    images = random_images(theirs.config, seed)
    for hidden in (theirs(images).last_hidden_state, ours.encode(images).hidden):
        torch.autograd.backward(hidden.square().mean())
    gradients = [
        sorted(float(p.grad.norm()) for p in model.parameters() if p.grad is not None)
        for model in (ours, theirs)
    ]
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("family", ["deit", "vit"])
@pytest.mark.parametrize("seed", [0, 1, 3])
@pytest.mark.parametrize("size", [(20, 40), (16, 16), (30, 15), (8, 9)])
def test_positions_are_interpolated_where_the_spec_says_so(
    tmp_path: Path, family: str, seed: int, size: tuple[int, int]
) -> None:
    """`long_input: grow` takes images of any size, as the published class does when it is asked to."""
    theirs: Any = save(family, seed, tmp_path)
    spec = spec_of({**crossloom.import_spec(tmp_path).data, "long_input": "grow"})
    ours = crossloom.load(spec)
    images = random_images(theirs.config, seed, size=size)
    with torch.no_grad():
        expected = theirs(images, interpolate_pos_encoding=True).last_hidden_state
        assert difference(ours.encode(images).hidden, expected) <= LOGITS


@pytest.mark.parametrize("family", ["deit", "vit"])
def test_images_of_another_size_are_refused_otherwise(tmp_path: Path, family: str) -> None:
    theirs: Any = save(family, 1, tmp_path)
    ours = crossloom.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="pixel_values is"):
        ours.encode(random_images(theirs.config, 1, size=(20, 40)))
