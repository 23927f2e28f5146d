"""One half of a published model: its checkpoint also stores the other half, which the spec names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import yaml
from safetensors.torch import load_file, save_file

import crossloom
from tests.weights.conftest import TIED, UNTIED, Spoilt

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "checkpoint"
Spoil = Callable[[int], Spoilt]
Role = Literal["encoder", "decoder"]
ROLES: list[Role] = ["encoder", "decoder"]


@pytest.mark.parametrize("role", ROLES)
def test_one_half_of_digits_is_verified_and_loaded(role: Role) -> None:
    spec = crossloom.import_spec(DIGITS, role=role)
    assert [str(found) for found in crossloom.verify(spec)] == []
    half = crossloom.load(spec).state_dict()
    whole = crossloom.from_pretrained(DIGITS).state_dict()
    assert half
    for name, tensor in half.items():
        assert tensor.equal(whole[name]), name


@pytest.mark.parametrize(("role", "other"), [("encoder", "tokenizer"), ("decoder", "processor")])
def test_no_section_of_the_other_half(role: Role, other: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DIGITS, tmp_path / "digits"))
    for name, field in (
        ("preprocessor_config", {"normalize_vars": False}),
        ("tokenizer_config", {"do_lower_case": True}),
    ):
        file = folder / f"{name}.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | field))
    assert other in crossloom.import_spec(folder).data
    spec = crossloom.import_spec(folder, role=role)
    assert other not in spec.data
    assert crossloom.verify(spec) == []


@pytest.mark.parametrize("role", ROLES)
def test_the_half_that_is_left_out_is_told_in_one_line(spoil: Spoil, role: Role, tmp_path: Path) -> None:
    checkpoint = spoil(UNTIED)
    data = dict(crossloom.import_spec(checkpoint.folder, role=role).data)
    patterns = ", ".join(data.pop("ignore")[role])
    (tmp_path / "half.yaml").write_text(yaml.safe_dump(data))
    (finding,) = crossloom.verify(tmp_path / "half.yaml")
    assert finding.code == "XL502"
    assert finding.help == f"write `ignore: {{{role}: [{patterns}]}}`"
    text = f"{yaml.safe_dump(data)}{finding.help.split('`')[1]}\n"
    (tmp_path / "half.yaml").write_text(text)
    assert crossloom.verify(tmp_path / "half.yaml") == []


@pytest.mark.parametrize("seed", [TIED, UNTIED])
def test_the_patterns_are_those_the_file_has(spoil: Spoil, seed: int) -> None:
    spec = crossloom.import_spec(spoil(seed).folder, role="encoder")
    head = ["lm_head.weight"] if seed == UNTIED else []
    assert spec.data["ignore"] == {"encoder": ["model.decoder.*", *head]}


@pytest.mark.parametrize("role", ROLES)
def test_a_bare_model_is_spelt_its_own_way(spoil: Spoil, role: Role) -> None:
    file = spoil(TIED).folder / "model.safetensors"
    save_file({name.removeprefix("model."): tensor for name, tensor in load_file(file).items()}, file)
    spec = crossloom.import_spec(file.parent, role=role)
    assert crossloom.verify(spec) == []


def test_without_a_checkpoint_the_published_spelling_is_taken(spoil: Spoil) -> None:
    folder = spoil(UNTIED).folder
    (folder / "model.safetensors").unlink()
    spec = crossloom.import_spec(folder, role="encoder")
    assert spec.data["ignore"] == {"encoder": ["model.decoder.*", "lm_head.weight"]}


def test_a_field_to_ignore_that_is_not_there(spoil: Spoil) -> None:
    with pytest.raises(crossloom.CrossloomError) as raised:
        crossloom.import_spec(spoil(TIED).folder, ignore=["d_modle"])
    (finding,) = raised.value.diagnostics
    assert (finding.code, finding.help) == ("XL518", "did you mean `d_model`?")


def test_one_field_to_ignore_may_be_given_as_text(spoil: Spoil) -> None:
    spec = crossloom.import_spec(spoil(TIED).folder, ignore="transformers_version")
    assert spec.data["ignore"] == {"config": ["transformers_version"]}
