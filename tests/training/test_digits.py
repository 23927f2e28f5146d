"""Training a real family: the digits model, from its checkpoint and from nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from compiler.catalogue import locate

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
MANIFEST = EXAMPLE / "audio" / "manifest.jsonl"
OPTIONS: dict[str, Any] = {"max_steps": 4, "batch_size": 2, "learning_rate": 1e-4, "progress": False}


@pytest.fixture(autouse=True)
def real_export(plain_export: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.training import checkpoint

    monkeypatch.setattr("runtime.training.loop.write_model", checkpoint.write_model)


def transcripts(model: Any) -> list[str]:
    processor = crossloom.load_processor("digits")
    texts = []
    for line in MANIFEST.read_text().splitlines():
        audio = crossloom.read_audio(EXAMPLE / "audio" / json.loads(line)["audio"], 16_000)
        texts += processor.batch_decode(
            crossloom.generate(model, **processor(audio=audio, sampling_rate=16_000))
        )
    return texts


def test_the_committed_model_writes_down_what_is_said() -> None:
    said = [json.loads(line)["text"] for line in MANIFEST.read_text().splitlines()]
    assert transcripts(crossloom.load("digits")) == said


def test_the_example_is_small_and_complete() -> None:
    files = list((EXAMPLE / "checkpoint").iterdir())
    assert {file.name for file in files} == {
        *("config.json", "generation_config.json", "model.safetensors", "preprocessor_config.json"),
        *("tokenizer_config.json", "special_tokens_map.json", "vocab.json", "sentencepiece.bpe.model"),
    }
    assert sum(file.stat().st_size for file in files) <= 3_000_000


def test_every_parameter_learns() -> None:
    model = crossloom.build("digits")
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    crossloom.train(model, MANIFEST, **{**OPTIONS, "max_steps": 1})
    unmoved = [name for name, value in model.named_parameters() if torch.equal(value, before[name])]
    # A bias on the keys shifts all scores of a query alike, so the softmax leaves it without a gradient.
    assert [name for name in unmoved if not name.endswith("k_proj.bias")] == []


def test_a_fine_tuned_model_is_loaded_as_it_was_left(tmp_path: Path) -> None:
    model = crossloom.load("digits")
    crossloom.train(
        model, MANIFEST, MANIFEST, output=tmp_path, checkpoint_steps=2, freeze=["encoder.*"], **OPTIONS
    )
    original = crossloom.load("digits").state_dict()
    state = model.state_dict()
    moved = {name.split(".")[0] for name in state if not torch.equal(state[name], original[name])}
    assert "decoder" in moved
    assert "encoder" not in moved
    for source in (tmp_path, tmp_path / "checkpoints" / "step-00000004"):
        again = crossloom.from_pretrained(source)
        assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in state.items())
        assert transcripts(again) == transcripts(model)


def test_the_public_implementation_loads_a_fine_tuned_model(tmp_path: Path) -> None:
    from transformers import AutoProcessor, Speech2TextForConditionalGeneration

    model = crossloom.load("digits")
    crossloom.train(model, MANIFEST, output=tmp_path, **OPTIONS)
    public, report = Speech2TextForConditionalGeneration.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    processor = AutoProcessor.from_pretrained(tmp_path)
    texts = []
    for line in MANIFEST.read_text().splitlines():
        audio = crossloom.read_audio(EXAMPLE / "audio" / json.loads(line)["audio"], 16_000)
        inputs = processor(audio, sampling_rate=16_000, return_tensors="pt")
        texts += processor.batch_decode(public.generate(**inputs), skip_special_tokens=True)
    assert texts == transcripts(model)


def test_a_resumed_run_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    """With dropout, layer drop and masks, in half a run and another half."""
    spec = tmp_path / "tiny.yaml"
    spec.write_text(
        f"crossloom: 1\nname: tiny\nextends: {locate('digits', None)}\n"
        "model: {config: {encoder_layerdrop: 0.3, decoder_layerdrop: 0.3, attention_dropout: 0.1}}\n"
    )
    options = {**OPTIONS, "spec_augment": {"time_masks": 1}, "max_steps": 6}
    unbroken, stopped, resumed = (crossloom.build(spec, seed=seed) for seed in (0, 0, 1))
    processor = crossloom.load_processor("digits")
    crossloom.train(unbroken, MANIFEST, processor=processor, **options)
    output = tmp_path / "run"
    crossloom.train(
        stopped, MANIFEST, processor=processor, output=output, checkpoint_steps=4, **options
    )  # its last checkpoint is at update 4
    crossloom.train(resumed, MANIFEST, processor=processor, output=output, resume=True, **options)
    expected = unbroken.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in resumed.state_dict().items())
