"""Checkpoints of halves that are free graphs: the addresses without the role, or none where all is fresh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import crossloom
from compiler.resolved import digest
from tests.check.planted import DECODER, ENCODER, HALVES, changed

FRESH = "fresh: [decoder.*]\ntokens:"


def stored(folder: Path, half: Any) -> Path:
    """What a half holds, saved as it is."""
    folder.mkdir(parents=True)
    tensors = {name: tensor.clone() for name, tensor in half.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")
    return folder


def written(folder: Path, text: str) -> Path:
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    return folder / "spec.yaml"


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """A pair of graphs, beside whose spec each half is stored."""
    made = crossloom.build(written(tmp_path, HALVES), seed=3)
    stored(tmp_path / "of-encoder", made.encoder)
    stored(tmp_path / "of-decoder", made.decoder)
    return made


WITH_WEIGHTS = changed(
    HALVES,
    ("encoder:\n", "encoder:\n  weights: ./of-encoder\n"),
    ("decoder:\n", "decoder:\n  weights: ./of-decoder\n"),
)


def test_each_half_is_loaded_from_its_own(tmp_path: Path, model: Any) -> None:
    spec = written(tmp_path, WITH_WEIGHTS)
    assert crossloom.verify(spec) == []
    given = {"encoder": tmp_path / "of-encoder", "decoder": tmp_path / "of-decoder"}
    for loaded in (crossloom.load(spec), crossloom.load(written(tmp_path, HALVES), given)):
        assert loaded.decoder.head.weight is loaded.decoder.embed.tokens.weight
        for name, tensor in model.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], tensor), name


def test_sources_are_the_addresses_without_the_role(tmp_path: Path) -> None:
    table = crossloom.weight_table(written(tmp_path, HALVES))
    for row in table:
        if row.status != "computed":
            assert row.sources == (row.address.removeprefix(f"{row.component}."),)
    assert {row.component for row in table} == {"encoder", "decoder"}
    whole = {row.address: row.sources for row in crossloom.weight_table(written(tmp_path, ENCODER))}
    assert whole["encoder.subsample.0.conv.weight"] == ("subsample.0.conv.weight",)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"layers.0.feed_forward.up_proj.weight": None}, "XL501"),
        ({"surplus.weight": torch.zeros(1)}, "XL502"),
        ({"subsample.0.conv.bias": torch.zeros(3)}, "XL503"),
    ],
)
def test_a_fault_is_told_at_the_half(
    tmp_path: Path, model: Any, change: dict[str, torch.Tensor | None], code: str
) -> None:
    file = tmp_path / "of-encoder" / "model.safetensors"
    tensors = {**load_file(file), **change}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, file)
    (finding,) = crossloom.verify(written(tmp_path, WITH_WEIGHTS))
    assert finding.code == code
    assert [(span.line, span.column) for span in finding.spans] == [(5, 12)]


def test_what_is_stored_and_not_used_can_be_ignored(tmp_path: Path, model: Any) -> None:
    file = tmp_path / "of-encoder" / "model.safetensors"
    save_file({**load_file(file), "surplus.weight": torch.zeros(1)}, file)
    assert crossloom.verify(written(tmp_path, f"{WITH_WEIGHTS}ignore: {{encoder: [surplus.*]}}\n")) == []


def test_a_fresh_half_needs_no_checkpoint(tmp_path: Path, model: Any) -> None:
    text = changed(HALVES, ("encoder:\n", "encoder:\n  weights: ./of-encoder\n"), ("tokens:", FRESH))
    spec = written(tmp_path, text)
    assert crossloom.verify(spec) == []
    loaded = crossloom.load(spec)
    assert torch.equal(loaded.encoder.layers[0].feed_forward.up_proj.weight,
                       model.encoder.layers[0].feed_forward.up_proj.weight)  # fmt: skip
    drawn = crossloom.build(spec).state_dict()["decoder.embed.tokens.weight"]
    assert torch.equal(loaded.decoder.embed.tokens.weight, drawn)


def test_a_half_that_is_not_all_fresh_needs_one(tmp_path: Path, model: Any) -> None:
    text = changed(
        HALVES,
        ("encoder:\n", "encoder:\n  weights: ./of-encoder\n"),
        ("tokens:", "fresh: [decoder.layers.*]\ntokens:"),
    )
    (finding,) = crossloom.verify(written(tmp_path, text))
    assert finding.code == "XL514"
    assert "`decoder` has no checkpoint" in finding.message
    assert finding.info == ("to be loaded: `decoder.embed.tokens.weight`",)
    with pytest.raises(crossloom.CrossloomError, match="XL514"):
        crossloom.load(written(tmp_path, text))
    with pytest.raises(crossloom.CrossloomError, match="XL514"):
        crossloom.load(written(tmp_path, HALVES))


def test_the_emitted_spec_names_the_folder_as_seen_from_there(tmp_path: Path, model: Any) -> None:
    spec = written(tmp_path, WITH_WEIGHTS)
    crossloom.emit(spec, tmp_path / "out" / "deep")
    emitted = crossloom.load_spec(tmp_path / "out" / "deep" / "spec.yaml")
    assert emitted.data["encoder"]["weights"] == "../../of-encoder"
    assert crossloom.verify(emitted) == []
    assert (
        digest(emitted)
        == digest(crossloom.load_spec(spec))
        == digest(crossloom.load_spec(written(tmp_path, HALVES)))
    )


@pytest.mark.parametrize(
    "text", [HALVES, ENCODER, DECODER, WITH_WEIGHTS], ids=["pair", "encoder", "decoder", "stored"]
)
def test_a_spec_goes_through_its_text(tmp_path: Path, text: str) -> None:
    spec = crossloom.load_spec(written(tmp_path, text))
    again = crossloom.load_spec(written(tmp_path, spec.to_yaml()))
    assert again.data == spec.data
    assert digest(again) == digest(spec)
    assert crossloom.lower(again).to_json() == crossloom.lower(spec).to_json()
