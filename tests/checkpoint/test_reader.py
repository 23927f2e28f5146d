"""Which files make the checkpoint, the index against its shards, and the kinds refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Folder
from tests.checkpoint.conftest import Findings
from tests.checkpoint.files import SPEECH, Tensors, safetensors

INDEX = "model.safetensors.index.json"
A, B = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
FIRST, SECOND, THIRD = SPEECH


def tensors(*names: str) -> Tensors:
    return {name: SPEECH[name] for name in names}


def index(weight_map: Any) -> bytes:
    return json.dumps({"metadata": {"total_size": 28}, "weight_map": weight_map}).encode()


SHARDED = {
    INDEX: index({FIRST: A, SECOND: A, THIRD: B}),
    A: safetensors(tensors(FIRST, SECOND)),
    B: safetensors(tensors(THIRD)),
}


def write(folder: Path, files: dict[str, bytes]) -> Folder:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Folder(folder)


def test_shards(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(write(tmp_path, SHARDED))
    assert checkpoint.files == (A, B)
    assert {name: tensor.file for name, tensor in checkpoint.tensors.items()} == {
        FIRST: A,
        SECOND: A,
        THIRD: B,
    }


def test_shards_of_a_bin(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "one.bin")
    torch.save({"b": torch.zeros(2)}, tmp_path / "two.bin")
    source = write(tmp_path, {"pytorch_model.bin.index.json": index({"a": "one.bin", "b": "two.bin"})})
    checkpoint = read_checkpoint(source)
    assert checkpoint.format == "bin"
    assert checkpoint.aliases == ()  # storage 0 of one file is not storage 0 of the other
    assert {name: tensor.file for name, tensor in checkpoint.tensors.items()} == {
        "a": "one.bin",
        "b": "two.bin",
    }


def test_preference(tmp_path: Path) -> None:
    torch.save({"from_bin": torch.zeros(2)}, tmp_path / "pytorch_model.bin")
    assert list(read_checkpoint(Folder(tmp_path)).tensors) == ["from_bin"]
    assert list(read_checkpoint(write(tmp_path, SHARDED)).tensors) == list(SPEECH)
    whole = {"model.safetensors": safetensors(tensors(FIRST))}
    assert list(read_checkpoint(write(tmp_path, whole)).tensors) == [FIRST]


INDEXES: list[tuple[dict[str, Any], list[str]]] = [
    # files changed, words of each finding
    (
        {INDEX: {FIRST: A, SECOND: A, THIRD: "model-3.safetensors"}},
        ["which is absent"],
    ),
    ({INDEX: {FIRST: A, SECOND: A, THIRD: "../secret"}}, ["which is outside the checkpoint"]),
    ({INDEX: {FIRST: A, SECOND: A, THIRD: "/etc/passwd"}}, ["which is outside the checkpoint"]),
    ({INDEX: {FIRST: A, SECOND: A, THIRD: "a" * 5000}}, ["which is absent"]),
    ({INDEX: {FIRST: A, SECOND: A, THIRD: "a\0b"}}, ["which is outside the checkpoint"]),
    (
        {INDEX: {FIRST: A, SECOND: A, THIRD: B, "x": B, "y": B}},
        [f"places `x`, `y` in `{B}`, which lacks them"],
    ),
    ({INDEX: {FIRST: A, SECOND: B, THIRD: B}}, [f"places `{SECOND}` in `{B}`, which lacks it"]),
    ({INDEX: {FIRST: A, THIRD: B}}, [f"`{A}` holds `{SECOND}`, which"]),
    ({B: safetensors(tensors(SECOND, THIRD))}, [f"`{B}` holds `{SECOND}`, which"]),
    ({B: safetensors(tensors(THIRD))[:-1]}, ["is truncated"]),
    ({B: b""}, ["is truncated"]),
    ({INDEX: {FIRST: A, SECOND: "c", THIRD: "d"}}, ["in `c`, which is absent", "in `d`, which is absent"]),
]


@pytest.mark.parametrize(("changed", "words"), INDEXES)
def test_index_and_shards_are_held_together(
    findings: Findings, changed: dict[str, Any], words: list[str]
) -> None:
    files = {name: index(content) if name == INDEX else content for name, content in changed.items()}
    found = findings(SHARDED | files)
    assert len(found) == len(words)
    for finding, expected in zip(found, words, strict=True):
        assert expected in finding.message
        assert finding.code == ("XL509" if "truncated" in expected else "XL507")


def test_where_a_misplaced_tensor_was_found(findings: Findings) -> None:
    (found,) = findings(SHARDED | {INDEX: index({FIRST: A, SECOND: B, THIRD: B})})
    assert found.info == (f"found in `{A}` instead",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"weight_map": []}',
        b'{"weight_map": {}}',
        b'{"weight_map": {"a": 1}}',
        b'{"a": 1, "a": 1}',
    ],
)
def test_an_index_that_is_none(findings: Findings, content: bytes) -> None:
    (found,) = findings({INDEX: content})
    assert found.code == "XL509"
    assert INDEX in found.message


def test_malformed_json_is_located(findings: Findings, tmp_path: Path) -> None:
    (found,) = findings({"config.json": b'{\n "d_model": 2,,\n}', "model.safetensors": safetensors(SPEECH)})
    assert found.code == "XL509"
    (span,) = found.spans
    assert (span.file, span.line, span.column) == (str(tmp_path / "config.json"), 2, 15)


WEIGHTS = {"model.safetensors": safetensors(SPEECH)}
REFUSED: list[tuple[dict[str, bytes], str, str]] = [
    ({"adapter_config.json": b"{}", "adapter_model.safetensors": b""}, "XL513", "an adapter only"),
    ({"model-q4.gguf": b""}, "XL513", "GGUF files only"),
    ({"config.json": b'{"quantization_config": {"quant_method": "gptq"}}', **WEIGHTS}, "XL513", "quantised"),
    ({"config.json": b'{"auto_map": {"AutoModel": "m.M"}}', **WEIGHTS}, "XL513", "Python code of its own"),
    (
        {"config.json": b'{"decoder": {"model_type": "bert", "auto_map": {"A": "b"}}}', **WEIGHTS},
        "XL513",
        "Python code of its own",
    ),
    ({"tf_model.h5": b""}, "XL514", "TensorFlow weights only"),
    ({"flax_model.msgpack": b""}, "XL514", "Flax weights only"),
    ({}, "XL514", "holds no weights"),
    ({"config.json": b"version https://git-lfs.github.com/spec/v1\n", **WEIGHTS}, "XL516", "Git LFS pointer"),
]


@pytest.mark.parametrize(("files", "code", "words"), REFUSED)
def test_kinds_refused_by_name(findings: Findings, files: dict[str, bytes], code: str, words: str) -> None:
    (found,) = findings(files)
    assert found.code == code
    assert words in found.message


@pytest.mark.parametrize("config", [b'{"quantization_config": null}', b'{"auto_map": {}}', b"{}"])
def test_empty_requests_are_not_refused(findings: Findings, config: bytes) -> None:
    assert findings({"config.json": config, **WEIGHTS}) == []


def test_an_adapter_beside_base_weights_is_not_refused(findings: Findings) -> None:
    assert findings({"adapter_config.json": b"{}", **WEIGHTS}) == []


def test_a_near_name_is_offered(findings: Findings) -> None:
    (found,) = findings({"model.fp16.safetensors": safetensors(SPEECH)})
    assert found.help == "did you mean `model.fp16.safetensors`?"


def test_neither_torch_nor_numpy_nor_the_hub_is_imported(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "pytorch_model.bin")
    program = (
        "import sys\n"
        "from compiler.checkpoint import read_checkpoint, resolve\n"
        f"assert list(read_checkpoint(resolve({str(tmp_path)!r})).tensors) == ['a']\n"
        "heavy = {'torch', 'numpy', 'safetensors', 'huggingface_hub', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
