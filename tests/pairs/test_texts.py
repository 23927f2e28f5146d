"""An encoder of texts beside a decoder: two tokenizers, from the command line, through training and back."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import BertTokenizer, GPT2Tokenizer

import crossloom
from runtime.training.checkpoint import checkpoint_folders
from tests.cli.runner import crossloom as run
from tests.pairs.folders import decoder, text_encoder, write_pair
from tests.processing.subword_files import SENTENCES

ROWS = [{"source": first, "text": second} for first, second in pairwise(SENTENCES)]
OPTIONS: dict[str, Any] = {"max_steps": 6, "batch_size": 2, "learning_rate": 1e-3, "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two halves, the spec of the pair, and a manifest."""
    root = tmp_path_factory.mktemp("texts")
    write_pair(root / "pair.yaml", text_encoder(root / "encoder"), decoder(root / "decoder"))
    (root / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return root


@pytest.fixture(scope="module")
def spec(folder: Path) -> Path:
    return folder / "pair.yaml"


def codes(raised: pytest.ExceptionInfo[crossloom.CrossloomError]) -> list[str]:
    assert all(one.help for one in raised.value.diagnostics)
    return [one.code for one in raised.value.diagnostics]


def test_each_side_has_its_own_tokenizer(folder: Path, spec: Path) -> None:
    processor = crossloom.load_processor(spec)
    inputs = processor(text=list(SENTENCES), text_target=list(SENTENCES))
    source: Any = BertTokenizer.from_pretrained(folder / "encoder")
    target: Any = GPT2Tokenizer.from_pretrained(folder / "decoder")
    expected = source(list(SENTENCES), padding=True, return_tensors="pt")
    assert torch.equal(inputs["input_ids"], expected["input_ids"])
    assert torch.equal(inputs["attention_mask"], expected["attention_mask"])
    end = target.eos_token_id
    for row, text in zip(inputs["labels"], SENTENCES, strict=True):
        # GPT-2 ends no text by itself, and a decoder that never sees an end never learns to write one.
        assert row[row != -100].tolist() == [*target(text)["input_ids"], end]
    ids = target(SENTENCES[0])["input_ids"]
    assert processor.decode([*ids, end]) == SENTENCES[0]


def test_texts_are_run_in_order_and_bad_ones_are_told(spec: Path) -> None:
    good = ["hello world", "zero one two"]
    lines = run("run", spec, *good).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == good
    one = run("run", spec, good[0])
    assert one.exit_code == 0
    assert one.stdout.rstrip("\n") == lines[0].split("\t")[1]
    mixed = run("run", spec, good[0], "日本語", "word " * 80, good[1], "--format", "json")
    assert mixed.exit_code == 1
    found = json.loads(mixed.stdout)
    assert [entry["input"] for entry in found] == [good[0], "日本語", "word " * 80, good[1]]
    assert [entry["text"] for entry in found[::3]] == [line.split("\t")[1] for line in lines]
    assert [entry["findings"][0]["code"] for entry in found[1:3]] == ["XL417", "XL405"]
    assert "positions for 60" in mixed.stderr


@pytest.mark.parametrize("empty", ["", "  ", "\n", "\u00ad"])
def test_an_empty_text_is_told_and_not_read(empty: str, spec: Path) -> None:
    """So is one of which the tokenizer keeps nothing; those beside it are read."""
    outcome = run("run", spec, "hello world", empty, "--format", "json", "--replace-unknown")
    assert outcome.exit_code == 1
    read, refused = json.loads(outcome.stdout)
    assert "text" in read
    assert [one["code"] for one in refused["findings"]] == ["XL417"]
    assert "``" not in outcome.stderr
    processor = crossloom.load_processor(spec)
    with pytest.raises(crossloom.CrossloomError) as raised:
        processor(text=["hello", empty], errors="replace")
    assert codes(raised) == ["XL417"]
    assert processor(text="hello", text_target="")["labels"].shape == (1, 1)  # silence is an answer


def test_unknown_words_are_replaced_where_that_is_asked_for(spec: Path) -> None:
    outcome = run("run", spec, "hello 日本語", "--replace-unknown")
    assert outcome.exit_code == 0
    assert "XL417" not in outcome.stderr
    assert "--replace-unknown" in run("run", spec, "hello 日本語").stderr


def test_an_encoder_that_was_trained_on_other_texts_is_told(folder: Path, spec: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "encoder", tmp_path / "cased")
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    (tmp_path / "cased" / "tokenizer_config.json").write_text(json.dumps(config))
    imported = crossloom.import_spec(tmp_path / "cased", role="encoder")
    assert imported.data["source_tokenizer"] == {"do_lower_case": False}
    data = yaml.safe_load(spec.read_text())
    data["encoder"]["weights"] = str(tmp_path / "cased")
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(data))
    found = [one for one in crossloom.verify(tmp_path / "wrong.yaml") if one.severity.value == "error"]
    assert [one.code for one in found] == ["XL505"]
    assert found[0].help == "set `source_tokenizer.do_lower_case` to false"


def test_the_text_is_what_the_model_writes(spec: Path) -> None:
    model, processor = crossloom.load(spec), crossloom.load_processor(spec)
    ids = crossloom.generate(model, **processor(text="hello world"))
    assert isinstance(ids, torch.Tensor)
    assert run("run", spec, "hello world").stdout.rstrip("\n") == " ".join(
        processor.batch_decode(ids)[0].splitlines()
    )


def test_what_belongs_to_recordings_is_refused(spec: Path) -> None:
    outcome = run("run", spec, "hello world", "--mono", "mix")
    assert outcome.exit_code == 1
    assert "XL112" in outcome.stderr
    assert run("run", spec, "hello world", "--src-lang", "de").exit_code == 1


def test_training_lowers_the_loss_and_its_folder_stands_alone(
    folder: Path, spec: Path, tmp_path: Path
) -> None:
    model = crossloom.load(spec)
    first = crossloom.train(model, folder / "rows.jsonl", **{**OPTIONS, "max_steps": 1})
    result = crossloom.train(model, folder / "rows.jsonl", output=tmp_path / "out", **OPTIONS)
    assert result.loss < first.loss
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert {"vocab.json", "merges.txt", "tokenizer_config.json", "source_tokenizer/vocab.txt"} <= names
    again = crossloom.load(tmp_path / "out" / "spec.yaml")
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    mine, own = (crossloom.load_processor(one) for one in (spec, tmp_path / "out" / "spec.yaml"))
    for key, tensor in mine(text="hello", text_target="hello").items():
        assert torch.equal(own(text="hello", text_target="hello")[key], tensor)
    assert [d for d in crossloom.verify(tmp_path / "out" / "spec.yaml") if d.severity.value == "error"] == []
    BertTokenizer.from_pretrained(tmp_path / "out" / "source_tokenizer")
    GPT2Tokenizer.from_pretrained(tmp_path / "out")


def test_a_resumed_run_ends_bit_equal(folder: Path, spec: Path, tmp_path: Path) -> None:
    whole = crossloom.load(spec)
    crossloom.train(whole, folder / "rows.jsonl", output=tmp_path / "whole", checkpoint_steps=2, **OPTIONS)
    part = tmp_path / "part"
    crossloom.train(crossloom.load(spec), folder / "rows.jsonl", output=part, checkpoint_steps=2, **OPTIONS)
    shutil.rmtree(checkpoint_folders(part / "checkpoints")[-1])  # as if it had been stopped before
    resumed = crossloom.load(spec)
    again = {"checkpoint_steps": 2, "resume": True, **OPTIONS}
    crossloom.train(resumed, folder / "rows.jsonl", output=part, **again)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"audio": "a.wav", "text": "one"}, "unknown field `audio`"),
        ({"source": " ", "text": "one"}, "`source` is empty"),
        ({"source": 3, "text": "one"}, "`source` is a number"),
        ({"source": "日本語", "text": "one"}, "no token for `日本語`"),
        ({"source": "word " * 80, "text": "one"}, "positions for 60"),
        ({"source": "one", "text": "word " * 80}, "the decoder has 60 positions"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_at_its_line(
    spec: Path, tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    lines = [json.dumps(one) for one in (ROWS[0], row)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    with pytest.raises(crossloom.CrossloomError) as raised:
        crossloom.train(crossloom.load(spec), tmp_path / "rows.jsonl", **OPTIONS)
    assert codes(raised) == ["XL420"]
    assert message in raised.value.diagnostics[0].message
    assert raised.value.diagnostics[0].spans[0].line == 2


def changed(spec: Path, target: Path, **changes: Any) -> Path:
    """The spec with other values below its sections; `decoder__eos_token_id` is a field of the config."""
    data = yaml.safe_load(spec.read_text())
    for name, value in changes.items():
        section, _, key = name.partition("__")
        if key:
            data[section]["config"][key] = value
        else:
            data[section] = value
    target.write_text(yaml.safe_dump(data))
    return target


def test_an_end_that_nobody_states_is_asked_for_with_what_was_found(spec: Path, tmp_path: Path) -> None:
    data = changed(spec, tmp_path / "endless.yaml", decoder__eos_token_id=None)
    with pytest.raises(crossloom.CrossloomError) as raised:
        crossloom.train(crossloom.build(data), ROWS, **OPTIONS, processor=crossloom.load_processor(data))
    assert codes(raised) == ["XL404"]
    finding = raised.value.diagnostics[0]
    assert "name none" in finding.info[0]
    assert "`<|endoftext|>`, 0" in finding.info[1]
    assert finding.help == "add `tokens: {eos: 0}` to the spec"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder__vocab_size": 171}, "the tokenizer has 170 ids, the model 171"),
        ({"decoder__vocab_size": 331}, "the tokenizer has 330 ids, the model 331"),
        ({"encoder__pad_token_id": 3}, "`pad_token_id` is 3, and the tokenizer gives `[PAD]` the id 0"),
        ({"tokens": {"decoder_start": 0, "pad": 0, "eos": 7}}, "`eos` is 7"),
    ],
)
def test_a_tokenizer_unlike_its_side_is_told_at_its_line(
    folder: Path, spec: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    wrong = changed(spec, tmp_path / "wrong.yaml", **changes)
    with pytest.raises(crossloom.CrossloomError) as raised:
        crossloom.load_processor(wrong)
    assert codes(raised) == ["XL403"]
    findings = raised.value.diagnostics
    assert message in findings[0].message
    lines = wrong.read_text().splitlines()
    key = next(iter(changes)).partition("__")[2] or "eos"
    assert lines[findings[0].spans[0].line - 1].strip().startswith(f"{key}:")
    assert findings[0].help
