"""What is reviewed is what runs: every method of every class, alone, copied, pickled, in other dtypes."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from tests.seamless import emitted_runner
from tests.seamless.conftest import Folders, Live, Published
from tests.seamless.emitted_runner import Call
from tests.seamless.oracle import CLASSES, MULTITASK, decoder_ids
from tests.seamless.settings import SEEDS
from tests.seamless.tasks import LANGUAGE, TASKS, WAVEFORM, our_translation, require_equal

ROOT = Path(__file__).parents[2]
SPEAKING = ("predict_durations", "decode_units", "predict_unit_durations", "vocode")
"""Methods beside the encoder and the decoder."""

every_class = pytest.mark.parametrize("architecture", CLASSES)


def calls_of(model: Any, architecture: str, config: Any, seed: int) -> list[Call]:
    """A call of every method that a class has, as a translation makes them."""
    calls: list[Call] = []
    ids = decoder_ids(config, seed)
    for task in TASKS:
        if task.architecture == architecture:
            batch = task.batch(config, seed)
            calls += [
                ("encode", batch),
                ("forward", {**batch, "decoder_input_ids": ids}),
                ("forward", {**batch, "labels": ids}),
            ]
            if task.speaks:
                calls.append(("decode_states", {"encoded": batch, "decoder_input_ids": ids}))
                calls += _spoken(model, {**batch, "tgt_lang": LANGUAGE, "speaker_id": 2})
    return calls


def _spoken(model: Any, given: dict[str, Any]) -> list[Call]:
    """The calls of the methods beside encoder and decoder that a translation makes."""
    made: list[Call] = []
    for name in SPEAKING:
        method = getattr(model, name)

        def kept(*arguments: Any, name: str = name, method: Any = method, **options: Any) -> Any:
            names = method.__code__.co_varnames[1:]
            made.append((name, dict(zip(names, arguments, strict=False)) | options))
            return method(*arguments, **options)

        model.__dict__[name] = kept
    try:
        crossloom.translate(model, **given)
    finally:
        for name in SPEAKING:
            del model.__dict__[name]
    return made


def unmapped(model: Any) -> Any:
    """The model with its tensors copied out of the mapped file, whose alignment changes roundings."""
    copied = crossloom.build(model.spec).eval()
    copied.load_state_dict(model.state_dict())
    return copied


def test_the_file_alone_computes_the_same_bits(live: Live, published: Published, tmp_path: Path) -> None:
    expected = {}
    for seed in SEEDS:
        for architecture in CLASSES if seed == 1 else [MULTITASK]:
            folder = tmp_path / f"{architecture}-{seed}"
            model = live(seed, architecture)
            crossloom.emit(model.spec, folder)
            calls = calls_of(model, architecture, published(seed).config, seed)
            torch.save((model.state_dict(), calls), folder / "given.pt")
            called = {name for name, _ in calls}
            assert called >= set(SPEAKING) or "vocoder" not in dict(model.named_children())
            expected[folder] = (list(model.state_dict()), emitted_runner.run(unmapped(model), calls))
    command = [sys.executable, "-I", emitted_runner.__file__, *map(str, expected)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for folder, (keys, results) in expected.items():
        alone = torch.load(folder / "outputs.pt")
        assert alone["keys"] == keys
        for number, (ours, theirs) in enumerate(zip(results, alone["results"], strict=True)):
            assert same(ours, theirs), (folder.name, number)


def same(ours: tuple[Tensor | None, ...], theirs: tuple[Tensor | None, ...]) -> bool:
    """Whether two results are equal bit for bit."""
    pairs = zip(ours, theirs, strict=True)
    return all(
        one is other or (one is not None and other is not None and torch.equal(one, other))
        for one, other in pairs
    )


def test_every_case_of_its_initial_values_is_reached(live: Live, tmp_path: Path) -> None:
    """Parts of the model say the same of one class of torch."""
    crossloom.emit(live(1, MULTITASK).spec, tmp_path)
    cases = re.findall(r"^ +case (.+):$", (tmp_path / "modeling.py").read_text(), re.MULTILINE)
    everywhere: set[str] = set()
    for case in cases:
        classes, guard, _ = case.partition(" if ")
        assert everywhere.isdisjoint(classes.split(" | ")), case
        everywhere |= set() if guard else {*classes.split(" | ")}
    assert "nn.Conv1d()" in everywhere


@every_class
def test_the_live_module_is_the_emitted_text(live: Live, tmp_path: Path, architecture: str) -> None:
    model = live(1, architecture)
    crossloom.emit(model.spec, tmp_path)
    module = sys.modules[type(model).__module__]
    assert module.__dict__["__source__"] == (tmp_path / "modeling.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_a_copy_translates_the_same(live: Live, published: Published, task: Any) -> None:
    model = live(1, task.architecture)
    given = {**task.batch(published(1).config, 1), "tgt_lang": LANGUAGE}
    expected = our_translation(model, task, **given)
    for copied in (deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert copied.tables == model.tables
        assert copied.head.weight is copied.decoder.embed.tokens.weight
        assert copied.head.weight.data_ptr() != model.head.weight.data_ptr()
        made = our_translation(copied, task, **given)
        assert torch.equal(made.sequences, expected.sequences)
        if task.speaks:
            assert float((made.waveform - expected.waveform).abs().max()) <= WAVEFORM


def test_a_pickled_model_translates_in_a_fresh_process(
    live: Live, published: Published, tmp_path: Path
) -> None:
    model, task = live(1), TASKS[3]
    given = {**task.batch(published(1).config, 1), "tgt_lang": LANGUAGE}
    (tmp_path / "model").write_bytes(pickle.dumps(model))
    torch.save(given, tmp_path / "given")
    program = f"""
import pickle, sys, torch
sys.path.insert(0, {str(ROOT)!r})
import crossloom
model = pickle.load(open("model", "rb"))
torch.save(tuple(crossloom.translate(model, **torch.load("given"))), "made")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = torch.load(tmp_path / "made")
    assert same(made[:2], our_translation(model, task, **given)[:2])


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_in_double_precision_both_say_the_same(folders: Folders, published: Published, task: Any) -> None:
    ours = crossloom.from_pretrained(folders(1, task.architecture), dtype=torch.float64)
    theirs = deepcopy(published(1, task.architecture)).double()
    batch = {
        name: one.double() if one.is_floating_point() else one
        for name, one in task.batch(theirs.config, 1).items()
    }
    made = require_equal(ours, theirs, task, **batch, tgt_lang=LANGUAGE)
    assert not task.speaks or made.waveform.dtype == torch.float64


@pytest.mark.parametrize("task", TASKS, ids=str)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_everything_is_computed_in_it(
    folders: Folders, published: Published, task: Any, dtype: torch.dtype
) -> None:
    ours = crossloom.from_pretrained(folders(1, task.architecture), dtype=dtype)
    assert {one.dtype for one in ours.parameters()} == {dtype}
    batch = {
        name: one.to(dtype) if one.is_floating_point() else one
        for name, one in task.batch(published(1).config, 1).items()
    }
    made = our_translation(ours, task, **batch, tgt_lang=LANGUAGE)
    assert len(made.sequences) == 3
    if task.speaks:
        assert made.waveform.dtype == dtype
        assert bool(made.waveform.isfinite().all())
        assert made.waveform_lengths.dtype == torch.int64
