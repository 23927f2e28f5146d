"""Whole models of texts, with one tokenizer for both their sides: from the command line and from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration, MBartConfig, MBartForConditionalGeneration

import crossloom
from tests.cli.runner import crossloom as run
from tests.processing.subword_files import SENTENCES, ours, published, write_vocabulary

SIZES: dict[str, Any] = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 20,
    "decoder_ffn_dim": 20,
    "max_position_embeddings": 80,
    "forced_eos_token_id": None,
}


def saved(folder: Path, class_name: str) -> Any:
    """A tiny model with its tokenizer's older files; the published tokenizer."""
    write_vocabulary(folder, class_name)
    ids = ours(folder, class_name).ids
    special = {"bos_token_id": ids["<s>"], "pad_token_id": ids["<pad>"], "eos_token_id": ids["</s>"]}
    torch.manual_seed(0)
    if class_name == "BartTokenizer":
        config = BartConfig(**SIZES, **special, vocab_size=len(ids), decoder_start_token_id=ids["</s>"])
        BartForConditionalGeneration(config).save_pretrained(folder)
    else:
        start = ids["ro_RO"]
        fields = MBartConfig(**SIZES, **special, vocab_size=len(ids), decoder_start_token_id=start)
        MBartForConditionalGeneration(fields).save_pretrained(folder)
    return published(folder, class_name)


def labels_of(inputs: Any) -> list[list[int]]:
    return [row[row != -100].tolist() for row in inputs["labels"]]


def test_one_tokenizer_reads_and_writes(tmp_path: Path) -> None:
    theirs = saved(tmp_path, "BartTokenizer")
    spec = crossloom.import_spec(tmp_path)
    assert [one for one in crossloom.verify(spec) if one.severity.value == "error"] == []
    inputs = crossloom.load_processor(spec)(text=list(SENTENCES), text_target=list(SENTENCES))
    expected = theirs(list(SENTENCES), padding=True, return_tensors="pt")
    assert torch.equal(inputs["input_ids"], expected["input_ids"])
    assert labels_of(inputs) == [theirs(text)["input_ids"] for text in SENTENCES]
    path = tmp_path / "spec.yaml"
    path.write_text(spec.to_yaml())
    outcome = run("run", path, "hello world", "zero one", "-g", "max_new_tokens=4")
    assert outcome.exit_code == 0
    assert [line.split("\t")[0] for line in outcome.stdout.splitlines()] == ["hello world", "zero one"]


@pytest.mark.parametrize("class_name", ["MBartTokenizer", "MBart50Tokenizer"])
def test_languages_of_source_and_target(tmp_path: Path, class_name: str) -> None:
    theirs = saved(tmp_path, class_name)
    spec = crossloom.import_spec(tmp_path)
    processor = crossloom.load_processor(spec)
    theirs.src_lang, theirs.tgt_lang = "de_DE", "ro_RO"
    inputs = processor(text="hello world", text_target="zero one", src_lang="de_DE", tgt_lang="ro_RO")
    assert inputs["input_ids"][0].tolist() == theirs("hello world")["input_ids"]
    assert labels_of(inputs) == [theirs(text_target="zero one")["input_ids"]]
    path = tmp_path / "spec.yaml"
    path.write_text(spec.to_yaml())
    languages = ("--src-lang", "de_DE", "--tgt-lang", "ro_RO", "-g", "max_new_tokens=4")
    assert run("run", path, "hello world", *languages).exit_code == 0
    wrong = run("run", path, "hello world", "--src-lang", "xx_XX", "-g", "max_new_tokens=4")
    assert wrong.exit_code == 1
    assert "the tokenizer has no language 'xx_XX'" in wrong.stderr


def test_a_whole_model_is_trained_and_exported_with_its_tokenizer(tmp_path: Path) -> None:
    saved(tmp_path / "in", "BartTokenizer")
    model = crossloom.from_pretrained(tmp_path / "in")
    rows = [{"source": text, "text": text} for text in SENTENCES]
    options: dict[str, Any] = {"max_steps": 8, "batch_size": 3, "learning_rate": 3e-3, "progress": False}
    first = crossloom.train(model, rows, **{**options, "max_steps": 1}).loss
    last = crossloom.train(model, rows, output=tmp_path / "out", **options).loss
    assert last < first
    again = crossloom.from_pretrained(tmp_path / "out")
    assert all(torch.equal(again.state_dict()[name], one) for name, one in model.state_dict().items())
    theirs = published(tmp_path / "out", "BartTokenizer")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert len(theirs) == config["vocab_size"]
