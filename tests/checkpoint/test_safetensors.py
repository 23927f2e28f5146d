"""The safetensors header: what the format's own library writes is read, a spoilt header is one finding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from compiler.checkpoint.checkpoint import StoredTensor
from compiler.checkpoint.dtypes import ITEM_SIZES, SAFETENSORS
from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.safetensors import FIRST_READ
from compiler.checkpoint.source import Folder
from tests.checkpoint.conftest import Findings
from tests.checkpoint.files import SPEECH, assemble, entries, safetensors

WEIGHTS = "model.safetensors"
FIRST, SECOND, THIRD = SPEECH
DATA = b"".join(content for _, _, content in SPEECH.values())


def test_agrees_with_the_library(tmp_path: Path) -> None:
    kept = [name for name in SAFETENSORS.values() if name != "complex64"]
    tensors = {name: torch.arange(6).reshape(2, 3).to(getattr(torch, name)) for name in kept}
    tensors["scalar"], tensors["empty"] = torch.tensor(3.0), torch.zeros(0, 4)
    save_file(tensors, tmp_path / WEIGHTS, metadata={"format": "pt"})
    checkpoint = read_checkpoint(Folder(tmp_path))
    assert checkpoint.format == "safetensors"
    assert checkpoint.files == (WEIGHTS,)
    assert checkpoint.metadata == {"format": "pt"}
    assert checkpoint.aliases == ()
    raw = (tmp_path / WEIGHTS).read_bytes()
    assert checkpoint.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        stored = checkpoint.tensors[name]
        assert (stored.shape, f"torch.{stored.dtype}") == (tuple(tensor.shape), str(tensor.dtype))
        assert raw[stored.start : stored.stop] == bytes(tensor.reshape(-1).view(torch.uint8).numpy())
        assert stored.size == tensor.nbytes


def test_item_sizes_are_those_of_torch() -> None:
    assert {name: getattr(torch, name).itemsize for name in ITEM_SIZES} == ITEM_SIZES


def test_a_header_longer_than_the_first_read(tmp_path: Path) -> None:
    many = {f"layers.{index}.{'x' * 60}": ("U8", [1], b"x") for index in range(2000)}
    (tmp_path / WEIGHTS).write_bytes(safetensors(many))
    assert len(safetensors(many)) > FIRST_READ
    assert list(read_checkpoint(Folder(tmp_path)).tensors) == list(many)


def test_a_padded_header_and_position_in_the_file(tmp_path: Path) -> None:
    header = json.dumps(entries(SPEECH)).encode() + b"   "
    (tmp_path / WEIGHTS).write_bytes(assemble(header, DATA))
    start = 8 + len(header)
    expected = StoredTensor(FIRST, (2,), "float32", WEIGHTS, start, start + 8)
    assert read_checkpoint(Folder(tmp_path)).tensors[FIRST] == expected


def entry(name: str, **fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda header: header[name].update(fields)


def put(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda header: header.update({name: value})


SPOILT = [
    # change to the header, code, tensor or text named
    (entry(SECOND, data_offsets=[4, 16]), "XL508", f"`{SECOND}` overlaps `{FIRST}`"),
    (entry(THIRD, data_offsets=[20, 2000]), "XL508", f"`{THIRD}` leaves the file"),
    (entry(THIRD, data_offsets=[2000, 2008]), "XL508", f"`{THIRD}` leaves the file"),
    (entry(SECOND, data_offsets=[20, 8]), "XL508", f"`{SECOND}` ends before it starts"),
    (entry(FIRST, data_offsets=[0, 4], shape=[1]), "XL508", f"`{SECOND}` starts 4 bytes after"),
    (entry(THIRD, data_offsets=[20, 20], shape=[0]), "XL509", "has bytes that belong to no tensor"),
    (entry(SECOND, shape=[3, 3]), "XL509", f"`{SECOND}` is float16 [3, 3], 18 bytes, but has 12"),
    (entry(SECOND, dtype="F32"), "XL509", f"`{SECOND}` is float32 [3, 2], 24 bytes, but has 12"),
    (entry(SECOND, shape=[2**40, 2**40]), "XL509", "more than 2^63 bytes"),
    (entry(SECOND, shape=[2**62] * 500), "XL509", "more than 2^63 bytes"),
    (entry(SECOND, dtype="F8_E4M3"), "XL517", f"`{SECOND}` is stored as F8_E4M3"),
    (entry(SECOND, dtype=3), "XL509", SECOND),
    (entry(SECOND, shape=[3, -2]), "XL509", SECOND),
    (entry(SECOND, shape=[3, 2.0]), "XL509", SECOND),
    (entry(SECOND, shape=[6, True]), "XL509", SECOND),
    (entry(SECOND, shape=[3, 2**70]), "XL509", SECOND),
    (entry(SECOND, shape=6), "XL509", SECOND),
    (entry(SECOND, data_offsets=[8]), "XL509", SECOND),
    (entry(SECOND, scale=2), "XL509", SECOND),
    (put(SECOND, []), "XL509", SECOND),
    (put("__metadata__", {"epoch": 3}), "XL509", "__metadata__"),
    (put("__metadata__", [1]), "XL509", "__metadata__"),
    (
        put("lone \ud800", {"dtype": "U8", "shape": [0], "data_offsets": [28, 28]}),
        "XL509",
        "not Unicode text",
    ),
]


@pytest.mark.parametrize(("change", "code", "named"), SPOILT)
def test_one_spoilt_entry_is_one_finding(
    findings: Findings, change: Callable[[dict[str, Any]], None], code: str, named: str
) -> None:
    header = entries(SPEECH)
    change(header)
    (found,) = findings({WEIGHTS: assemble(header, DATA)})
    assert found.code == code
    assert named in found.message
    assert WEIGHTS in found.message
    found.message.encode()  # can be printed


def test_two_spoilt_entries_are_two_findings(findings: Findings) -> None:
    header = entries(SPEECH)
    header[FIRST]["dtype"] = "F4"
    header[THIRD]["shape"] = "none"
    assert [found.code for found in findings({WEIGHTS: assemble(header, DATA)})] == ["XL517", "XL509"]


WHOLE = safetensors(SPEECH)
BROKEN = [
    (b"", "XL509", "truncated"),
    (WHOLE[:5], "XL509", "truncated"),
    (WHOLE[:100], "XL509", "truncated"),
    (WHOLE[:-1], "XL509", "is truncated: its header describes"),
    (WHOLE + b"\0", "XL509", "has bytes that belong to no tensor"),
    (assemble(b'{"a": 1', b""), "XL509", "cannot be read"),
    (assemble(b'  {"a": 1}', b""), "XL509", "does not begin with `{`"),
    (assemble(b'{"\xff": 1}', b""), "XL509", "cannot be read"),
    (assemble(b'{"a":' * 100_000, b""), "XL509", "nested too deeply"),
    (assemble(b'{"a":' + b"9" * 5000 + b"}", b""), "XL509", "cannot be read"),
    (assemble(b'{"a": 1, "a": 2}', b""), "XL509", "occurs twice"),
    (assemble(b'{"a": {"dtype": "U8", "dtype": "I8"}}', b""), "XL509", "occurs twice"),
    (b"\xff" * 8 + b"{}", "XL509", "truncated or not safetensors"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "XL516", "Git LFS pointer"),
]


@pytest.mark.parametrize(("content", "code", "words"), BROKEN)
def test_a_broken_file_is_one_finding(findings: Findings, content: bytes, code: str, words: str) -> None:
    (found,) = findings({WEIGHTS: content})
    assert found.code == code
    assert words in found.message


def test_a_header_beyond_the_limit_is_not_read(tmp_path: Path, findings: Findings) -> None:
    with (tmp_path / WEIGHTS).open("wb") as file:  # sparse
        file.write((200_000_000).to_bytes(8, "little"))
        file.truncate(300_000_000)
    (found,) = findings({})
    assert found.code == "XL509"
    assert "above the limit" in found.message
