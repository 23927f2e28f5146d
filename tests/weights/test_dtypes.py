"""Checkpoints that mix dtypes: said aloud, loaded without loss."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

import crossloom
from tests.weights.conftest import TIED, Spoilt

Spoil = Callable[[int], Spoilt]
NORM = "model.encoder.layer_norm.weight"


@pytest.mark.parametrize(
    ("most", "other", "common"),
    [
        (torch.bfloat16, torch.float32, torch.float32),
        (torch.bfloat16, torch.float16, torch.float32),
        (torch.float32, torch.float64, torch.float64),
    ],
)
def test_several_dtypes_are_told_and_no_value_is_lost(
    spoil: Spoil, most: torch.dtype, other: torch.dtype, common: torch.dtype, tmp_path: Path
) -> None:
    checkpoint = spoil(TIED)
    checkpoint.tensors = {name: tensor.to(most) for name, tensor in checkpoint.tensors.items()}
    checkpoint.tensors[NORM] = (checkpoint.tensors[NORM].double() + torch.pi).to(other)
    ((code, message),) = checkpoint.verified()
    assert code == "XL519"
    assert f"and 1 as {str(other).removeprefix('torch.')}" in message
    with pytest.warns(crossloom.CrossloomWarning, match=f"XL519[\\s\\S]*{NORM}") as told:
        model = crossloom.load(checkpoint.spec, checkpoint.folder)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert {parameter.dtype for parameter in model.parameters()} == {common}
    crossloom.export(model, tmp_path / "export")
    exported = load_file(tmp_path / "export" / "model.safetensors")
    for name, tensor in exported.items():
        assert torch.equal(tensor, checkpoint.tensors[name].to(common)), name
        assert torch.equal(tensor.to(checkpoint.tensors[name].dtype), checkpoint.tensors[name]), name


def test_a_dtype_that_is_asked_for_is_no_news(spoil: Spoil) -> None:
    checkpoint = spoil(TIED)
    checkpoint.tensors[NORM] = checkpoint.tensors[NORM].half()
    checkpoint.write()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = crossloom.load(checkpoint.spec, checkpoint.folder, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_a_checkpoint_without_a_configuration_is_told(spoil: Spoil) -> None:
    checkpoint = spoil(TIED)
    checkpoint.write()
    (checkpoint.folder / "config.json").unlink()
    with pytest.warns(crossloom.CrossloomWarning, match=r"warning\[XL505\].*no config.json") as told:
        crossloom.load(checkpoint.spec, checkpoint.folder)
    assert isinstance(told[0].message, crossloom.CrossloomWarning)
    assert told[0].message.diagnostic in crossloom.verify(checkpoint.spec, checkpoint.folder)


def test_a_checkpoint_without_its_front_end_is_told(spoil: Spoil) -> None:
    checkpoint = spoil(TIED)
    checkpoint.write()
    (checkpoint.folder / "preprocessor_config.json").unlink()
    assert crossloom.verify(checkpoint.spec, checkpoint.folder) == []  # the spec states the front end
    data = {key: value for key, value in checkpoint.spec.data.items() if key != "processor"}
    data["model"]["config"] |= {"input_feat_per_channel": 80, "input_channels": 1}
    (checkpoint.folder / "spec.yaml").write_text(yaml.safe_dump(data))
    told = [one for one in crossloom.verify(checkpoint.folder / "spec.yaml") if one.severity == "warning"]
    assert [one.code for one in told] == ["XL505"]
    assert "no preprocessor_config.json to compare with the spec" in told[0].message
