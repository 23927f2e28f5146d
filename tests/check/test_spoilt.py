"""Every mistake of a checkpoint: one finding by headers alone, through the command, and exit code 1."""

# ruff: noqa: E501  (a table: one case a line, where it fits)

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import crossloom as interface
from tests.check.checkpoints import (
    FC1,
    Spoil,
    place,
    sound,
    truncated,
    with_config,
    with_header,
    with_index,
    with_pickle,
    with_tensors,
    with_vocabulary,
    write,
)
from tests.checkpoint.files import Call
from tests.cli.runner import crossloom


@dataclass(frozen=True)
class Case:
    """A spoilt checkpoint; `field` is the field whose value the finding points at."""

    name: str
    code: str
    spoil: Spoil
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}-{self.name}"


def swapped(tensors: dict[str, Any]) -> None:
    dtype, shape, content = tensors[FC1]
    tensors[FC1] = (dtype, shape[::-1], content)


def beyond(header: dict[str, Any]) -> None:
    last = max(header.values(), key=lambda entry: entry["data_offsets"][1])
    last["data_offsets"] = [offset + 64 for offset in last["data_offsets"]]


def overlapping(header: dict[str, Any]) -> None:
    first, second, *_ = header.values()
    shift = second["data_offsets"][0] - first["data_offsets"][0]
    second["data_offsets"] = [offset - shift for offset in second["data_offsets"]]


CASES = [
    Case("missing", "XL501", with_tensors(lambda t: t.pop(FC1)), "weights", FC1),
    Case("unexpected", "XL502", with_tensors(lambda t: t.update({"model.adapter": ("F32", [1], bytes(4))})), "weights",
         "model.adapter"),
    Case("misshaped", "XL503", with_tensors(swapped), "weights", FC1),
    Case("renamed", "XL504", with_tensors(lambda t: t.update({FC1.replace("fc1", "ffc1"): t.pop(FC1)})), "weights", "ffc1"),
    Case("dtype", "XL517", with_tensors(lambda t: t.update({FC1: ("I8", t[FC1][1], t[FC1][2][::4])})), "weights", FC1),
    Case("heads", "XL505", with_config(encoder_attention_heads=4), "encoder_attention_heads", "encoder_attention_heads"),
    Case("activation", "XL505", with_config(activation_function="relu"), "activation_function", "relu"),
    Case("scaling", "XL505", with_config(scale_embedding=True), "scale_embedding", "scale_embedding"),
    Case("scaling-unsaid", "XL505", with_config(scale_embedding=None), "scale_embedding", "scale_embedding"),
    Case("start", "XL505", with_config(decoder_start_token_id=3), "decoder_start_token_id", "decoder_start_token_id"),
    Case("tying", "XL505", with_config(tie_word_embeddings=False), "tie_word_embeddings", "tie_word_embeddings"),
    Case("family", "XL505", with_config(model_type="whisper"), "family", "whisper"),
    Case("small-vocabulary", "XL403", with_vocabulary(lambda v: v.pop("▁19")), "vocab_size", "19 ids"),
    Case("gaps", "XL403", with_vocabulary(lambda v: v.update({"▁19": 30})), "vocab_size", "30"),
    Case("absent-shard", "XL507", with_index(lambda m: m.update({FC1: "model-00003-of-00003.safetensors"})), "weights",
         "model-00003-of-00003.safetensors"),
    Case("absent-tensor", "XL507", with_index(lambda m: m.update({"model.ghost": "model-00001-of-00002.safetensors"})), "weights",
         "model.ghost"),
    Case("beyond", "XL508", with_header(beyond), "weights", "model.safetensors"),
    Case("overlapping", "XL508", with_header(overlapping), "weights", "model.safetensors"),
    Case("truncated", "XL509", truncated, "weights", "model.safetensors"),
    Case("pickle", "XL510", with_pickle({"w": Call(os.system, "true")}), "weights", "posix.system"),
]  # fmt: skip


def spoilt(folder: Path, spoil: Spoil) -> Path:
    parts = sound(folder)
    write(folder, spoil(parts))
    return folder / "spec.yaml"


def test_the_checkpoint_they_are_made_of_is_sound(tmp_path: Path) -> None:
    spec = spoilt(tmp_path, lambda parts: parts.files())
    result = crossloom("weights", spec, "--verify", "--format", "json")
    assert json.loads(result.stdout)["diagnostics"] == []
    assert result.exit_code == 0


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_fault_is_one_finding(tmp_path: Path, case: Case) -> None:
    spec = spoilt(tmp_path, case.spoil)
    result = crossloom("weights", spec, "--verify", "--format", "json")
    assert result.exit_code == 1, result.output
    found = json.loads(result.stdout)["diagnostics"]
    assert [one["code"] for one in found] == [case.code]
    (finding,) = found
    assert case.message in json.dumps(finding, ensure_ascii=False)
    assert finding["help"]
    assert [(one["line"], one["column"]) for one in finding["spans"]] == [place(case.field)]
    assert finding["spans"][0]["file"] == str(spec)


IN_FILES = [
    ("XL110", "config.json", {"model_type": None}, "model_type"),
    ("XL115", "config.json", {"d_modle": 8}, "d_modle"),
    ("XL116", "config.json", {"pruned_heads": {"0": [1]}}, "pruned_heads"),
    ("XL116", "config.json", {"is_encoder_decoder": False}, "is_encoder_decoder"),
    ("XL505", "config.json", {"hidden_size": 99}, "hidden_size"),
    ("XL103", "config.json", {"scale_embedding": 0}, "scale_embedding"),
    ("XL103", "config.json", {"d_model": 8.0}, "d_model"),
    ("XL402", "generation_config.json", {"suppress_tokens": [20]}, "suppress_tokens"),
    ("XL405", "generation_config.json", {"max_length": 2000}, "max_length"),
    ("XL406", "generation_config.json", {"max_lenght": 20}, "max_lenght"),
]
"""Faults of the files beside the weights: what import refuses, verification refuses at the same place."""


@pytest.mark.parametrize(("code", "file", "fields", "at"), IN_FILES, ids=[f"{c[0]}-{c[3]}" for c in IN_FILES])
def test_a_fault_of_a_file_is_shown_there(
    tmp_path: Path, code: str, file: str, fields: dict[str, Any], at: str
) -> None:
    parts = sound(tmp_path)
    files = {**parts.files(), "generation_config.json": b"{}"}
    merged = {**json.loads(files[file]), **fields}
    kept = {name: value for name, value in merged.items() if value is not None}
    write(tmp_path, {**files, file: json.dumps(kept, indent=1).encode()})
    (finding,) = interface.verify(tmp_path / "spec.yaml")
    assert finding.code == code
    assert finding.spans[0].file == str(tmp_path / "checkpoint" / file)
    written = (tmp_path / "checkpoint" / file).read_text(encoding="utf-8").splitlines()
    assert at not in kept or f'"{at}"' in written[finding.spans[0].line - 1]
    with pytest.raises(interface.CrossloomError) as raised:
        interface.load(tmp_path / "spec.yaml")
    assert raised.value.diagnostics == [finding]


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        ("preprocessor_config.json", {"dither": 1.0}),
        ("preprocessor_config.json", {"padding_side": "left"}),
        ("tokenizer_config.json", {"lang_codes": "x"}),
    ],
    ids=str,
)
def test_what_is_refused_is_not_compared_as_well(tmp_path: Path, file: str, fields: dict[str, Any]) -> None:
    files = sound(tmp_path).files()
    write(tmp_path, {**files, file: json.dumps(json.loads(files.get(file, b"{}")) | fields).encode()})
    (finding,) = interface.verify(tmp_path / "spec.yaml")
    assert finding.code == "XL116"


@pytest.mark.parametrize("fields", [{"d_modle": 8}, {"hidden_size": 99}, {"is_encoder_decoder": False}])
def test_a_field_ignored_by_name_is_left_out(tmp_path: Path, fields: dict[str, Any]) -> None:
    parts = sound(tmp_path)
    parts.config |= fields
    write(tmp_path, parts.files())
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"{spec.read_text()}ignore: {{config: {json.dumps(list(fields))}}}\n")
    assert interface.verify(spec) == []


@pytest.mark.parametrize("name", ["pad_token_id", "eos_token_id", "decoder_start_token_id"])
def test_generation_takes_the_ids_of_the_model(tmp_path: Path, name: str) -> None:
    parts = sound(tmp_path)
    write(tmp_path, {**parts.files(), "generation_config.json": json.dumps({name: 5}).encode()})
    spec = tmp_path / "spec.yaml"
    (finding,) = interface.verify(spec)
    assert finding.code == "XL505"
    assert name in finding.message
    spec.write_text(f"{spec.read_text()}generation: {{{name}: 5}}\n")
    assert interface.verify(spec) == []


@pytest.mark.parametrize(("name", "token"), [("pad", "<pad>"), ("bos", "<s>"), ("eos", "</s>")])
def test_the_tokenizer_has_the_ids_of_the_model(tmp_path: Path, name: str, token: str) -> None:
    parts = sound(tmp_path)
    parts.vocabulary[token], parts.vocabulary["▁9"] = 9, parts.vocabulary[token]
    write(tmp_path, parts.files())
    (finding,) = interface.verify(tmp_path / "spec.yaml")
    assert finding.code == "XL403"
    assert f"`{name}_token_id`" in finding.message
    assert f"`{token}` the id 9" in finding.message
    assert finding.spans[0].file == str(tmp_path / "spec.yaml")
    assert finding.spans[0].label == f"`{name}_token_id` is not written here: `{token}` is 9"
    with pytest.raises(interface.CrossloomError) as raised:
        interface.load(tmp_path / "spec.yaml")
    assert raised.value.diagnostics == [finding]
