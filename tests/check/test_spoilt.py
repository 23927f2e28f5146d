"""Every mistake of a checkpoint: one finding by headers alone, through the command, and exit code 1."""

# ruff: noqa: E501  (a table: one case a line, where it fits)

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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
