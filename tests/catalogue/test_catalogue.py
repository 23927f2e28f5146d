"""Every spec of the catalogue is sound; the published ones mean what their config.json means."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import device
from transformers import DistilBertConfig, DistilBertForMaskedLM

import crossloom
from compiler.analysis import analyse
from compiler.catalogue import names
from compiler.spec import Spec
from tests.catalogue.pairs import KeyLists, as_published
from tests.full_size.published import NAMES, folder_of, key_lists, write_header

ROOT = Path(__file__).parents[2]
MISSING = {"donut-base-encoder"}
"""Published configurations that the catalogue has no entry of: half of `donut-base`."""


@pytest.mark.parametrize("name", names())
def test_every_entry_is_sound_and_named_as_its_file(name: str) -> None:
    analysis = analyse(name)
    assert [one for one in analysis.diagnostics if one.severity.value != "info"] == []
    assert analysis.spec is not None
    assert analysis.spec.name == name


def test_every_published_configuration_has_an_entry() -> None:
    assert set(NAMES) - set(names()) == MISSING


COMBINATIONS = {
    "beit-mbart",
    "bert-gpt2",
    "deit-mbart",
    "hubert-gpt2",
    "swin-bart",
    "swin-roberta",
    "vit-distilbert",
    "wav2vec2-bert",
    "wav2vec2-speech-to-text-2",
}
"""Pairs that nobody has published."""
BESIDE = {"s2t-medium-mustc-multilingual-st": {"tokenizer_config.json": {"lang_codes": "mustc"}}}
"""Published files that settle something and are not among those here."""


@pytest.mark.parametrize("name", sorted(set(NAMES) & set(names())))
def test_published_entry_says_what_import_says(name: str, tmp_path: Path) -> None:
    """Of the configuration and of the names of its newest key list, and nothing more."""
    shutil.copytree(folder_of(name), tmp_path / name)
    for file, contents in BESIDE.get(name, {}).items():
        (tmp_path / name / file).write_text(json.dumps(contents))
    keys = list(as_published(key_lists(name)).values())[-1]
    write_header(keys, tmp_path / name / "model.safetensors")
    entry = crossloom.load_spec(name)
    role = entry.kind if entry.kind in ("encoder", "decoder") else None
    imported = crossloom.import_spec(tmp_path / name, role=role, tokens=entry.data.get("tokens", {}))
    assert stated(entry) == stated(imported)
    assert crossloom.lower(entry).nodes == crossloom.lower(imported).nodes


def stated(spec: Spec) -> dict[str, Any]:
    """What a spec says, its name and where its checkpoints lie apart."""
    said = {key: value for key, value in spec.data.items() if key not in ("name", "weights")}
    for role in spec.components:
        said[role] = {key: value for key, value in said[role].items() if key != "weights" and value != {}}
    return said


def test_the_keys_that_unpublished_pairs_name_fit_them(tmp_path: Path) -> None:
    """Every tensor is read or ignored, and what starts fresh is just what no checkpoint holds."""
    lists: KeyLists = {name: key_lists(name) for name in NAMES}
    lists["distilbert-base-uncased"] = {"DistilBertForMaskedLM": distilbert_keys()}
    settings = tmp_path / "distilbert-base-uncased.json"
    settings.write_text(json.dumps(DistilBertConfig().to_dict()))
    (tmp_path / "keys.json").write_text(json.dumps(lists))
    command = [sys.executable, "-m", "tests.catalogue.pairs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) >= COMBINATIONS
    assert {
        f"{name}: {keys}": told for name, of in found.items() for keys, told in of.items() if told
    } == {}, json.dumps(found, indent=1)


def distilbert_keys() -> dict[str, Any]:
    """The tensors of the published class at its default size, as it stores them."""
    with device("meta"):
        model = DistilBertForMaskedLM(DistilBertConfig())
    return {
        name: [list(tensor.shape), "float32"]
        for name, tensor in model.state_dict().items()
        if name != "vocab_projector.weight"
    }
