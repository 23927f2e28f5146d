"""Models loaded straight to CUDA: every tensor there, every value that of the file."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
import torch

import crossloom
from tests.cuda.place import PLACE, needs_cuda
from tests.parity.cases import save

pytestmark = needs_cuda


@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_value_is_that_of_the_file(seed: int, dtype: torch.dtype | None, tmp_path: Path) -> None:
    """Through staging buffers and casts there, as on the CPU."""
    folder = save(seed, tmp_path)
    expected = crossloom.from_pretrained(folder, dtype=dtype)
    loaded = crossloom.from_pretrained(folder, device=PLACE, dtype=dtype)
    assert {one.device.type for one in chain(loaded.parameters(), loaded.buffers())} == {PLACE.type}
    found, wanted = loaded.state_dict(), expected.state_dict()
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if not torch.equal(found[name].cpu(), wanted[name])] == []


def test_parameters_that_are_tied_are_one_there(tmp_path: Path) -> None:
    loaded = crossloom.from_pretrained(save(0, tmp_path), device=PLACE)
    assert loaded.head.weight is loaded.decoder.embed.tokens.weight
    assert loaded.head.weight.device.type == PLACE.type


def test_a_built_model_is_there(tmp_path: Path) -> None:
    """With the values that a seed gives anywhere."""
    spec = crossloom.import_spec(save(1, tmp_path))
    here, there = crossloom.build(spec, seed=3), crossloom.build(spec, seed=3, device=PLACE)
    assert {one.device.type for one in chain(there.parameters(), there.buffers())} == {PLACE.type}
    for name, value in here.state_dict().items():
        assert torch.equal(there.state_dict()[name].cpu(), value)


def test_inputs_elsewhere_are_refused(tmp_path: Path) -> None:
    if PLACE.type == "cpu":
        pytest.skip("there is no other place")
    loaded = crossloom.from_pretrained(save(1, tmp_path), device=PLACE)
    bins = loaded.spec.config["input_feat_per_channel"] * loaded.spec.config["input_channels"]
    with pytest.raises(crossloom.CrossloomError, match="on cpu, and the model takes"):
        crossloom.generate(loaded, input_features=torch.ones(1, 30, bins), max_new_tokens=3)
