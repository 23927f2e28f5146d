"""Export is the inverse of loading, and the public implementation reads what it writes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import Speech2TextForConditionalGeneration

import crossloom
from compiler.importing.checkpoint import import_with_report
from tests.parity.cases import LOGITS, LOSS, Case, difference, labels_of


def read_back(folder: Path) -> tuple[Speech2TextForConditionalGeneration, dict[str, Any]]:
    model, report = Speech2TextForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    return model.eval(), report


def test_nothing_is_missing_unexpected_or_mismatched(case: Case, tmp_path: Path) -> None:
    crossloom.export(case.ours, tmp_path)
    model, report = read_back(tmp_path)
    assert all(not names for names in report.values()), report
    stored, expected = model.state_dict(), case.theirs.state_dict()
    assert stored.keys() == expected.keys()
    assert all(torch.equal(stored[name], expected[name]) for name in expected)
    with torch.no_grad():
        assert torch.equal(model(**case.batch).logits, case.theirs(**case.batch).logits)


def test_files_are_the_ones_that_were_imported(case: Case, tmp_path: Path) -> None:
    crossloom.export(case.ours, tmp_path)
    stored, exported = load_file(case.folder / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    assert stored.keys() == exported.keys()
    assert all(torch.equal(stored[name], exported[name]) for name in stored)
    before = json.loads((case.folder / "config.json").read_text())
    after = json.loads((tmp_path / "config.json").read_text())
    dropped = import_with_report(case.folder).dropped
    for name, value in before.items():
        assert name in dropped or after[name] == value, name


def test_import_export_import_is_a_fixed_point(case: Case, tmp_path: Path) -> None:
    first, second = tmp_path / "model", tmp_path / "again" / "model"
    crossloom.export(case.ours, first)
    model = crossloom.from_pretrained(first)
    crossloom.export(model, second)
    assert crossloom.import_spec(second).data["model"]["config"] == case.ours.spec.data["model"]["config"]
    assert without_weights(crossloom.import_spec(second)) == without_weights(model.spec)
    assert without_weights(model.spec) == without_weights(case.ours.spec)
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def without_weights(spec: crossloom.Spec) -> dict[str, Any]:
    """What a spec says, apart from where its files lie and from the name that follows from it."""
    data = dict(spec.data)
    data["model"] = {key: value for key, value in data["model"].items() if key != "weights"}
    del data["name"]
    return data


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_trained_model_comes_back_the_same(cases: Callable[[int], Case], tmp_path: Path, seed: int) -> None:
    case = cases(seed)
    model = crossloom.from_pretrained(case.folder)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    given = {"input_features": case.batch["input_features"], "attention_mask": case.batch["attention_mask"]}
    labels = labels_of(case)
    torch.manual_seed(0)
    for _ in range(3):
        optimizer.zero_grad()
        model(**given, labels=labels).loss.backward()
        optimizer.step()
    model.eval()
    crossloom.export(model, tmp_path)
    theirs, report = read_back(tmp_path)
    assert all(not names for names in report.values()), report
    with torch.no_grad():
        ours, again = (
            model(**given, labels=labels),
            crossloom.from_pretrained(tmp_path)(**given, labels=labels),
        )
        published = theirs(**given, labels=labels)
        untrained = case.ours(**given, labels=labels)
    assert torch.equal(again.logits, ours.logits)
    assert difference(ours.logits, published.logits) <= LOGITS
    assert abs(float(ours.loss - published.loss)) <= LOSS * float(published.loss)
    assert difference(ours.logits, untrained.logits) > 1e-2


def test_a_fresh_model_is_exported_too(tmp_path: Path, case: Case) -> None:
    model = crossloom.build(case.ours.spec, seed=3)
    crossloom.export(model, tmp_path)
    theirs, report = read_back(tmp_path)
    assert all(not names for names in report.values()), report
    with torch.no_grad():
        assert difference(model.eval()(**case.batch).logits, theirs(**case.batch).logits) <= LOGITS


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_dtype_is_stated(cases: Callable[[int], Case], tmp_path: Path, dtype: torch.dtype) -> None:
    model = crossloom.from_pretrained(cases(0).folder, dtype=dtype)
    crossloom.export(model, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == str(dtype).removeprefix("torch.")
    theirs, _ = read_back(tmp_path)
    assert theirs.dtype == dtype
    exported = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in exported.values()} == {dtype}


def test_files_of_another_model_do_not_stay_beside_it(cases: Callable[[int], Case], tmp_path: Path) -> None:
    digits = crossloom.load("digits")
    crossloom.export(digits, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(crossloom.CrossloomError, match="XL403") as raised:
        crossloom.export(cases(0).ours, tmp_path)
    assert "another folder" in str(raised.value.diagnostics[0].help)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    crossloom.export(crossloom.build("digits"), tmp_path)  # a tokenizer that fits may stay
    assert (tmp_path / "vocab.json").read_bytes() == before["vocab.json"]
    crossloom.export(digits, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_front_end_of_another_model_does_not_stay_beside_it(tmp_path: Path) -> None:
    nested = {"feature_extractor": {"num_mel_bins": 40, "feature_size": 40}}
    (tmp_path / "processor_config.json").write_text(json.dumps(nested))
    with pytest.raises(crossloom.CrossloomError, match="XL505"):
        crossloom.export(crossloom.load("digits"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["processor_config.json"]


def test_every_file_can_be_read_by_whom_the_others_can(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        paths = crossloom.export(crossloom.load("digits"), tmp_path)
    finally:
        os.umask(before)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in paths} == {
        path.name: "0o640" for path in paths
    }
