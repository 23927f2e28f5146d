"""What is written is what was read, of every class; and what is wrong with a file is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

import crossloom
from compiler.diagnostics.model import CrossloomError, Diagnostic
from specs.families.seamless_m4t_v2.architectures import ARCHITECTURES
from tests.oracle import read_back, respelt, stored_differently
from tests.seamless.conftest import Folders, Live, Published
from tests.seamless.oracle import CLASSES, DEDICATED, MULTITASK
from tests.seamless.settings import SEEDS, UNTIED
from tests.seamless.tasks import TASKS, Task, our_translation, require_equal

every_class = pytest.mark.parametrize("architecture", CLASSES)
LANGUAGE = {"tgt_lang": "deu"}


def task_of(architecture: str) -> Task:
    """The last task of a class, which uses most of it."""
    return next(task for task in reversed(TASKS) if task.architecture == architecture)


@pytest.mark.parametrize(
    ("architecture", "seed"),
    [(MULTITASK, seed) for seed in SEEDS] + [(one, seed) for one in DEDICATED for seed in (0, 1, UNTIED)],
)
def test_nothing_is_missing_or_too_much(
    folders: Folders, live: Live, published: Published, tmp_path: Path, seed: int, architecture: str
) -> None:
    folder = folders(seed, architecture)
    crossloom.export(live(seed, architecture), tmp_path)
    assert stored_differently(folder, tmp_path) == []
    model, report = read_back(CLASSES[architecture], tmp_path)
    assert all(not names for names in report.values()), report
    stored, expected = model.state_dict(), published(seed, architecture).state_dict()
    assert stored.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(stored[name], expected[name])] == []
    tied = model.lm_head.weight is model.text_decoder.embed_tokens.weight
    assert tied is (seed != UNTIED)
    files = ("config.json", "generation_config.json", "preprocessor_config.json")
    for file in files if "speech_encoder" in ARCHITECTURES[architecture] else files[:2]:
        before, after = (json.loads((one / file).read_text()) for one in (folder, tmp_path))
        different = {name for name, value in before.items() if after.get(name, value) != value}
        assert different <= {"transformers_version"}, file
    written = json.loads((tmp_path / "generation_config.json").read_text())
    for name in live(seed, architecture).tables:
        assert written[name] == getattr(published(seed, architecture).generation_config, name)


@every_class
def test_an_export_is_a_fixed_point(folders: Folders, live: Live, tmp_path: Path, architecture: str) -> None:
    first, second = tmp_path / "a" / "model", tmp_path / "b" / "model"
    crossloom.export(live(1, architecture), first)
    crossloom.export(crossloom.from_pretrained(first), second)
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@every_class
def test_a_trained_model_comes_back_the_same(
    folders: Folders, published: Published, tmp_path: Path, architecture: str
) -> None:
    model = crossloom.from_pretrained(folders(1, architecture))
    task = task_of(architecture)
    batch = task.batch(published(1).config, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    model(**batch, labels=torch.tensor([[5, 7, 9]] * 3)).loss.backward()
    optimizer.step()
    crossloom.export(model, tmp_path)
    theirs, report = read_back(CLASSES[architecture], tmp_path)
    assert all(not names for names in report.values()), report
    require_equal(model, theirs, task, **batch, **LANGUAGE)
    again, mine = crossloom.from_pretrained(tmp_path).state_dict(), model.state_dict()
    assert [name for name in mine if not torch.equal(again[name], mine[name])] == []
    changed = stored_differently(tmp_path, folders(1, architecture))
    assert any(name.startswith("text_decoder") for name in changed)
    assert not any(name.startswith(("t2u_model", "vocoder")) for name in changed)


@pytest.mark.parametrize("seed", [0, 1, UNTIED])
@pytest.mark.parametrize("architecture", DEDICATED)
def test_the_checkpoint_of_all_tasks_feeds_the_class_of_one(
    folders: Folders, live: Live, published: Published, tmp_path: Path, seed: int, architecture: str
) -> None:
    spec = of_class(folders(seed), architecture, tmp_path)
    assert errors(crossloom.verify(spec)) == []
    model = crossloom.load(spec)
    expected = live(seed, architecture).state_dict()
    assert model.state_dict().keys() == expected.keys()
    assert [
        name for name, tensor in model.state_dict().items() if not torch.equal(tensor, expected[name])
    ] == []
    crossloom.export(model, tmp_path / "out")
    theirs, report = read_back(CLASSES[architecture], tmp_path / "out")
    assert all(not names for names in report.values()), report
    task = task_of(architecture)
    require_equal(model, theirs, task, **task.batch(theirs.config, seed), **LANGUAGE)


def of_class(folder: Path, architecture: str, beside: Path) -> crossloom.Spec:
    """The spec of a folder, of another class."""
    data = yaml.safe_load(crossloom.import_spec(folder).to_yaml())
    data["model"] |= {"architecture": architecture, "weights": str(folder)}
    if "speech_encoder" not in ARCHITECTURES[architecture]:
        del data["processor"]
    file = beside / "spec.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    return crossloom.load_spec(file)


@pytest.mark.parametrize("architecture", [MULTITASK, *(one for one in DEDICATED if one.endswith("Speech"))])
def test_a_normed_vocoder(
    folders: Folders, live: Live, published: Published, tmp_path: Path, architecture: str
) -> None:
    """Weights stored as magnitude and direction compute the same and go back as they were."""
    folder = tmp_path / "normed"
    theirs = CLASSES[architecture].from_pretrained(folders(2, architecture))
    theirs.vocoder.apply_weight_norm()
    theirs.save_pretrained(folder)
    names = load_file(folder / "model.safetensors").keys()
    assert sum(name.endswith(("weight_g", "original0")) for name in names) > 3
    spec = crossloom.import_spec(folder)
    assert errors(crossloom.verify(spec)) == []
    model = crossloom.load(spec)
    task = task_of(architecture)
    given = {**task.batch(theirs.config, 2), **LANGUAGE}
    made, plain = (our_translation(one, task, **given) for one in (model, live(2, architecture)))
    assert torch.equal(made.waveform_lengths, plain.waveform_lengths)
    assert float((made.waveform - plain.waveform).abs().max()) <= 1e-4
    crossloom.export(model, tmp_path / "out")
    assert stored_differently(folder, tmp_path / "out") == []


def test_a_published_class_has_its_own_layout(live: Live, tmp_path: Path) -> None:
    with pytest.raises(CrossloomError, match=r"XL114.*published"):
        crossloom.export(live(0), tmp_path, format="crossloom")


def errors(findings: list[Diagnostic]) -> list[str]:
    """What the errors among findings say."""
    return [str(one) for one in findings if one.severity == "error"]


Tensors = dict[str, Tensor]
SPOILT: dict[str, tuple[Callable[[Tensors], Any], str, str]] = {
    "removed": (
        lambda stored: stored.pop("t2u_model.model.decoder.duration_predictor.conv1.weight"),
        "XL501",
        "unit_decoder.durations",
    ),
    "renamed": (
        lambda stored: stored.update(
            {"vocoder.dur_predictor.conv3.bias": stored.pop("vocoder.dur_predictor.conv1.bias")}
        ),
        "XL504",
        "vocoder.dur_predictor.conv1.bias",
    ),
    "too much": (
        lambda stored: stored.update({"speech_encoder.encoder.extra.weight": torch.zeros(2)}),
        "XL502",
        "speech_encoder.encoder.extra.weight",
    ),
    "transposed": (
        lambda stored: stored.update(
            {
                "text_encoder.layers.0.ffn.fc1.weight": stored[
                    "text_encoder.layers.0.ffn.fc1.weight"
                ].T.contiguous()
            }
        ),
        "XL503",
        "text_encoder.layers.0.feed_forward",
    ),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_file_that_does_not_fit_is_told_at_its_tensor(
    folders: Folders, tmp_path: Path, spoilt: str
) -> None:
    change, code, names = SPOILT[spoilt]
    folder = tmp_path / "model"
    shutil.copytree(folders(1), folder)

    def changed(stored: Tensors) -> Tensors:
        change(stored)
        return stored

    respelt(folder, changed)
    spec = crossloom.import_spec(folder)
    (finding,) = (one for one in crossloom.verify(spec) if one.severity == "error")
    assert finding.code == code
    assert names in str(finding), str(finding)
    with pytest.raises(CrossloomError, match=code):
        crossloom.load(spec)
