"""Files that store weights as magnitude and direction, of a family whose published files store them plain.

Speech2Text stands for one: its convolutions are given a second spelling here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

import crossloom
from compiler.weights.operations import apply, invert
from specs.families import family, speech_to_text
from specs.values import View
from specs.weights import Dialect, Fold, WeightMap
from tests.weights.conftest import UNTIED, Spoilt

Spoil = Callable[[int], Spoilt]
OLDER = ("weight_g", "weight_v")
NEWER = ("parametrizations.weight.original0", "parametrizations.weight.original1")
CONVOLUTIONS = "model.encoder.conv."

spellings = pytest.mark.parametrize("endings", [OLDER, NEWER])
prefixes = pytest.mark.parametrize("prefix", ["", "model."])


@pytest.fixture(autouse=True)
def foldable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A family whose convolutions may be stored normed."""
    plain = speech_to_text.FAMILY.weights

    def weights(c: View) -> WeightMap:
        table = plain(c)
        rows = (
            replace(row, foldable=row.address == "encoder.subsample.{i}.conv.weight") for row in table.rows
        )
        normed = (
            replace(dialect, name=f"{dialect.name}, normed", norm=norm)
            for dialect in table.dialects
            for norm in (OLDER, NEWER)
        )
        return replace(table, rows=tuple(rows), dialects=(*table.dialects, *normed))

    monkeypatch.setattr(speech_to_text, "FAMILY", replace(speech_to_text.FAMILY, weights=weights))
    family.cache_clear()
    yield
    monkeypatch.undo()
    family.cache_clear()


def normed(tensors: dict[str, Tensor], endings: tuple[str, str], every: int = 1) -> dict[str, Tensor]:
    """The tensors with every so manieth of the convolutions' weights in two; directions of any length."""
    generator = torch.Generator().manual_seed(0)
    weights = [name for name in tensors if name.startswith(CONVOLUTIONS) and name.endswith(".weight")]
    assert weights
    stored = dict(tensors)
    for name in weights[::every]:
        weight = stored.pop(name)
        direction = weight * torch.rand(len(weight), 1, 1, generator=generator).add(0.5)
        stem = name.removesuffix("weight")
        stored[stem + endings[0]] = weight.norm(dim=(1, 2), keepdim=True)
        stored[stem + endings[1]] = direction
    return stored


def without(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, their names without a prefix."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("convolution", [nn.Conv1d(3, 5, 4), nn.ConvTranspose1d(5, 3, 4), nn.Conv2d(2, 3, 2)])
def test_it_is_the_norm_of_torch(convolution: nn.Module) -> None:
    made = weight_norm(convolution)
    with torch.no_grad():
        for parameter in made.parametrizations.weight.parameters():
            parameter.normal_()
    state = made.state_dict()
    pair = [state[f"{NEWER[0]}"], state[f"{NEWER[1]}"]]
    weight = made.weight.detach()
    assert [tuple(one.shape) for one in pair] == list(Fold().stored_shapes(tuple(weight.shape)))
    assert torch.allclose(apply(Fold(), pair), weight, rtol=1e-6, atol=1e-7)
    assert torch.allclose(apply(Fold(), invert(Fold(), weight)), weight, rtol=1e-6, atol=1e-7)
    assert apply(Fold(), [one.half() for one in pair]).dtype is torch.float16


@spellings
@prefixes
def test_the_same_model_is_loaded_and_written_back(
    spoil: Spoil, endings: tuple[str, str], prefix: str, tmp_path: Path
) -> None:
    checkpoint = spoil(UNTIED)
    plain = dict(checkpoint.tensors)
    stored = normed(plain, endings)
    checkpoint.tensors = without(prefix, stored)
    assert checkpoint.verified() == []
    model = crossloom.load(checkpoint.spec, checkpoint.folder)
    state = model.state_dict()
    for index in range(checkpoint.spec.config["num_conv_layers"]):
        weight = plain[f"{CONVOLUTIONS}conv_layers.{index}.weight"]
        assert torch.allclose(state[f"encoder.subsample.{index}.conv.weight"], weight, rtol=1e-6, atol=1e-7)
    with warnings.catch_warnings(action="error"):
        crossloom.export(model, tmp_path / "out")
    written = load_file(tmp_path / "out" / "model.safetensors")
    assert written.keys() == stored.keys()
    for name, tensor in written.items():
        assert torch.equal(tensor, stored[name]), name


@spellings
def test_a_changed_weight_is_split_anew_and_says_so(
    spoil: Spoil, endings: tuple[str, str], tmp_path: Path
) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors = normed(checkpoint.tensors, endings)
    checkpoint.write()
    model = crossloom.load(checkpoint.spec, checkpoint.folder)
    weight = model.get_parameter("encoder.subsample.0.conv.weight")
    with torch.no_grad():
        weight[0, 0, 0] += 0.25
    name = f"{CONVOLUTIONS}conv_layers.0.weight"
    with pytest.warns(crossloom.CrossloomWarning, match="XL521") as told:
        crossloom.export(model, tmp_path / "out")
    assert name in str(told[0].message)
    written = load_file(tmp_path / "out" / "model.safetensors")
    stem = name.removesuffix("weight")
    assert torch.equal(written[stem + endings[1]], weight)
    assert torch.allclose(written[stem + endings[0]], weight.norm(dim=(1, 2), keepdim=True), rtol=1e-6)
    kept = [one for one in written if one.startswith(CONVOLUTIONS) and not one.startswith(stem)]
    assert all(torch.equal(written[one], checkpoint.tensors[one]) for one in kept)
    again = crossloom.load(checkpoint.spec, tmp_path / "out")
    assert torch.allclose(again.get_parameter("encoder.subsample.0.conv.weight"), weight, rtol=1e-6)


@spellings
def test_a_cast_model_is_written_as_it_came_in_its_own_dtype(
    spoil: Spoil, endings: tuple[str, str], tmp_path: Path
) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors = normed(checkpoint.tensors, endings)
    checkpoint.write()
    model = crossloom.load(checkpoint.spec, checkpoint.folder, dtype=torch.bfloat16)
    with warnings.catch_warnings(action="error"):
        crossloom.export(model, tmp_path / "out")
    written = load_file(tmp_path / "out" / "model.safetensors")
    for name, tensor in written.items():
        assert torch.equal(tensor, checkpoint.tensors[name].bfloat16()), name


@spellings
def test_half_a_spelling_is_refused(spoil: Spoil, endings: tuple[str, str]) -> None:
    checkpoint = spoil(UNTIED)
    assert checkpoint.spec.config["num_conv_layers"] > 1
    checkpoint.tensors = normed(checkpoint.tensors, endings, every=2)
    found = {code for code, _ in checkpoint.verified()}
    assert found & {"XL501", "XL511"}
    assert {code for code, _ in checkpoint.loaded()} == found


@pytest.mark.parametrize("part", [0, 1])
def test_a_magnitude_without_its_direction_is_refused(spoil: Spoil, part: int) -> None:
    checkpoint = spoil(UNTIED)
    checkpoint.tensors = normed(checkpoint.tensors, OLDER)
    lost = next(name for name in checkpoint.tensors if name.endswith(OLDER[part]))
    del checkpoint.tensors[lost]
    ((code, message),) = checkpoint.verified()
    assert code == "XL501"
    assert lost in message


def test_a_magnitude_of_another_shape_is_refused(spoil: Spoil) -> None:
    """One a tap, as other norms have it, is none a channel."""
    checkpoint = spoil(UNTIED)
    checkpoint.tensors = normed(checkpoint.tensors, OLDER)
    name = next(name for name in checkpoint.tensors if name.endswith("weight_g"))
    checkpoint.tensors[name] = torch.ones(1, 1, 3)
    ((code, message),) = checkpoint.verified()
    assert code == "XL503"
    assert name in message


def test_plain_files_stay_plain(spoil: Spoil, tmp_path: Path) -> None:
    checkpoint = spoil(UNTIED)
    crossloom.export(crossloom.load(checkpoint.spec, checkpoint.folder), tmp_path / "out")
    assert load_file(tmp_path / "out" / "model.safetensors").keys() == checkpoint.tensors.keys()


def test_halves_of_a_file_are_told_apart_by_their_parts() -> None:
    """Of a pair: a weight below one half is normed as that half's spelling says."""
    from specs.weights import Row, Together

    parts = (("encoder.", Dialect("normed", norm=OLDER)), ("decoder.", Dialect("published")))
    both = Together("both", parts=parts)
    rows = [Row("a", (f"{role}.conv.weight",), foldable=True) for role in ("encoder", "decoder")]
    assert both.names(rows[0]) == ("encoder.conv.weight_g", "encoder.conv.weight_v")
    assert both.names(rows[1]) == ("decoder.conv.weight",)
    assert [type(both.operation(row)).__name__ for row in rows] == ["Fold", "Rename"]
