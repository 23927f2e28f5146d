"""The `.bin` reader: what torch.save writes is read, and nothing that a pickle could run is run."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.checkpoint.archive import READ_AHEAD, RangedFile
from compiler.checkpoint.dtypes import STORAGES
from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Folder
from tests.checkpoint.conftest import Findings
from tests.checkpoint.files import Call, archive, pickled

WEIGHTS = "pytorch_model.bin"


def saved(tmp_path: Path, value: Any, **options: Any) -> bytes:
    torch.save(value, tmp_path / "saved", **options)
    return (tmp_path / "saved").read_bytes()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_agrees_with_torch(tmp_path: Path, protocol: int) -> None:
    state = {name: torch.arange(6).reshape(2, 3).to(getattr(torch, name)) for name in STORAGES.values()}
    state["transposed"] = torch.arange(6.0).reshape(2, 3).T
    state["slice"] = torch.arange(10.0)[4:7]
    state["scalar"], state["empty"] = torch.tensor(3.0), torch.zeros(0, 4)
    state["empty columns"] = torch.zeros(2, 0)
    state["parameter"] = torch.nn.Parameter(torch.ones(2))
    torch.save(state, tmp_path / WEIGHTS, pickle_protocol=protocol)
    checkpoint = read_checkpoint(Folder(tmp_path))
    assert checkpoint.format == "bin"
    assert checkpoint.tensors.keys() == state.keys()
    with zipfile.ZipFile(tmp_path / WEIGHTS) as file:
        for name, tensor in state.items():
            stored = checkpoint.tensors[name]
            assert (stored.shape, f"torch.{stored.dtype}") == (tuple(tensor.shape), str(tensor.dtype))
            raw = bytearray(file.read(f"{WEIGHTS.removesuffix('.bin')}/data/{stored.storage}"))
            if raw:
                storage = torch.frombuffer(raw, dtype=tensor.dtype)
                assert stored.strides is not None
                rebuilt = storage.as_strided(stored.shape, stored.strides, stored.storage_offset)
                assert torch.equal(rebuilt, tensor)


def test_a_module_with_tied_weights(tmp_path: Path) -> None:
    module = torch.nn.ModuleDict(
        {"embed": torch.nn.Embedding(5, 3), "head": torch.nn.Linear(3, 5, bias=False)}
    )
    module["head"].weight = module["embed"].weight
    torch.save(module.state_dict(), tmp_path / WEIGHTS)
    assert read_checkpoint(Folder(tmp_path)).aliases == (("embed.weight", "head.weight"),)


def test_views_of_one_storage_that_differ_are_no_aliases(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    torch.save({"left": whole[:3], "right": whole[3:], "all": whole}, tmp_path / WEIGHTS)
    assert read_checkpoint(Folder(tmp_path)).aliases == ()


def test_the_weights_are_not_read(tmp_path: Path) -> None:
    torch.save({"large": torch.zeros(1_000_000), "small": torch.zeros(3)}, tmp_path / WEIGHTS)
    asked: list[int] = []

    class Counted(Folder):
        def read_range(self, name: str, start: int, stop: int) -> bytes:
            asked.append(stop - start)
            return super().read_range(name, start, stop)

    read_checkpoint(Counted(tmp_path))
    assert sum(asked) <= 3 * READ_AHEAD
    assert len(asked) <= 3


def test_ranged_file_reads_like_a_file(tmp_path: Path) -> None:
    content = bytes(index % 251 for index in range(3 * READ_AHEAD))
    (tmp_path / "file").write_bytes(content)
    ranged = RangedFile(Folder(tmp_path), "file")
    for start, count in ((0, 10), (5, READ_AHEAD), (len(content) - 22, 22), (len(content) - 5, 50), (7, 0)):
        ranged.seek(start)
        assert ranged.read(count) == content[start : start + count]
        assert ranged.tell() == min(start + count, len(content))
    ranged.seek(-3, os.SEEK_END)
    assert ranged.read() == content[-3:]


class Tripwire(Exception):
    pass


def trip(*arguments: object) -> None:
    raise Tripwire


REFUSED = [
    # a value, what the finding names
    ({"a": Call(trip)}, f"`{__name__}.trip`"),
    ({"a": Call(os.system, "true")}, "`posix.system`"),
    ({"a": Call(eval, "1")}, "`__builtin__.eval`"),
    ({"a": Call(getattr, {}, "get")}, "`__builtin__.getattr`"),
    ({"a": Call(torch.load, "x")}, "`torch.serialization.load`"),
    ({"a": torch.float32}, "`torch.float32`"),
    ({"a": {1, 2}}, "`__builtin__.set`"),
    ({"a": Call(torch._utils._rebuild_tensor_v2, 1, 2)}, "with arguments that torch.save does not write"),
    ({"a": Call(torch._utils._rebuild_parameter, 1, True, OrderedDict())}, "with arguments"),
    ({(1, 2): 3}, "a dictionary key of type tuple"),
]


@pytest.mark.parametrize(("value", "named"), REFUSED)
def test_whatever_is_more_than_tensors_is_refused_by_name(findings: Findings, value: Any, named: str) -> None:
    (found,) = findings({WEIGHTS: archive(pickled(value), {})})
    assert found.code == "XL510"
    assert named in found.message


INSTRUCTIONS = [
    (b"cposix\nsystem\n(S'true'\ntR.", "`posix.system`"),
    (b"(iposix\nsystem\n.", "the pickle instruction INST"),
    (b"(cposix\nsystem\no.", "`posix.system`"),
    (b"\x80\x02ctorch\nFloatStorage\n)\x81.", "the pickle instruction NEWOBJ"),
    (b"\x80\x02\x82\x01.", "the pickle instruction EXT1"),
    (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "`posix.system`"),
    (b"\x80\x02ctorch\nFloatStorage\n}b.", "setting the state of an object"),
    (b"\x80\x02ctorch\nFloatStorage\n)R.", "with arguments that torch.save does not write"),
    (b"\x80\x02K\x01)R.", "a call of something that is no function"),
    (b"P1\n.", "the pickle instruction PERSID"),
]


@pytest.mark.parametrize(("program", "named"), INSTRUCTIONS)
def test_instructions_that_could_run_something(findings: Findings, program: bytes, named: str) -> None:
    (found,) = findings({WEIGHTS: archive(program, {})})
    assert found.code == "XL510"
    assert named in found.message


MALFORMED = [
    b"",
    b"\x80\x02.",
    b"\x80\x02}}.",
    b"\x80\x02h\x07.",
    b"\x80\x02K\x01K\x02s.",
    b"\x80\x02]K\x01K\x02s.",
    b"\x80\x02}(K\x01u.",
    b"\x80\x02}K\x01a.",
    b"\x80\x02t.",
    b"\x80\x02(\x85.",
    b"\x80\x02K\x01Q.",
    b"\x80\x02" + b"\x8b\x10\x00\x00\x00" + b"\x7f" * 16 + b".",
    b"\x80\x02\xff",
    b"\x80\x04\x8d" + b"\xff" * 8 + b".",
]
OTHER_VALUES = [
    (pickled({"a": 1}).replace(b"K\x01s", b"K\x01s" + b"X\x01\x00\x00\x00aK\x01s"), "the key 'a' twice"),
    (pickled(Call(OrderedDict, [["a", 1], ["a", 2]])), "the key 'a' twice"),
    (pickled(Call(OrderedDict, [["a", 1]])), "'a' is int"),
    (pickled(Call(OrderedDict, [["a"]])), "its pickle is malformed"),
    (pickled([1]), "holds list, not a table of tensors"),
    (pickled({"epoch": 3}), "'epoch' is int"),
    (pickled({"model": {}}), "'model' is a table"),
    (pickled({1: 2}), "1 is int"),
]


@pytest.mark.parametrize(
    ("program", "words"), [*((program, "its pickle is malformed") for program in MALFORMED), *OTHER_VALUES]
)
def test_a_pickle_that_holds_no_table_of_tensors(findings: Findings, program: bytes, words: str) -> None:
    (found,) = findings({WEIGHTS: archive(program, {})})
    assert found.code == "XL509"
    assert words in found.message


def test_a_pickle_beyond_the_limit_is_not_read(findings: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compiler.checkpoint.archive.PICKLE_LIMIT", 10)
    (found,) = findings({WEIGHTS: WHOLE})
    assert found.code == "XL509"
    assert "larger than 10 bytes" in found.message


def test_a_directory_beyond_the_limit_is_not_read(
    findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compiler.checkpoint.archive.READ_LIMIT", 100)
    (found,) = findings({WEIGHTS: WHOLE})
    assert found.code == "XL509"
    assert "directory is larger than 100 bytes" in found.message


def test_quantised_tensors_are_refused_as_such(tmp_path: Path, findings: Findings) -> None:
    program = b"\x80\x02ctorch\nQInt8Storage\n."
    (found,) = findings({WEIGHTS: archive(program, {})})
    assert found.code == "XL517"


def rebuilt(
    *, length: int = 4, offset: int = 0, shape: tuple[int, ...] = (2, 2), strides: Any = (2, 1)
) -> bytes:
    """The pickle of one tensor `w` over storage 0 of `length` floats."""

    class Pickler(pickle._Pickler):
        def persistent_id(self, value: object) -> Any:
            return value.identifier if isinstance(value, Storage) else None

    class Storage:
        identifier = ("storage", torch.FloatStorage, "0", "cpu", length)

    buffer = io.BytesIO()
    tensor = Call(torch._utils._rebuild_tensor_v2, Storage(), offset, shape, strides, False, OrderedDict())
    Pickler(buffer, protocol=2).dump({"w": tensor})
    return buffer.getvalue()


def test_a_hand_made_tensor_is_read(tmp_path: Path, findings: Findings) -> None:
    assert findings({WEIGHTS: archive(rebuilt(), {"0": bytes(16)})}) == []
    stored = read_checkpoint(Folder(tmp_path)).tensors["w"]
    assert (stored.storage, stored.storage_offset, stored.strides) == ("0", 0, (2, 1))


@pytest.mark.parametrize(
    ("program", "storages", "code", "named"),
    [
        (rebuilt(), {}, "XL508", "in storage `0`, which the file lacks"),
        (rebuilt(length=5), {"0": bytes(16)}, "XL508", "a storage of 5 elements, of which the file holds 4"),
        (rebuilt(offset=1), {"0": bytes(16)}, "XL508", "reads element 4 of a storage that has 4"),
        (rebuilt(strides=(3, 1)), {"0": bytes(16)}, "XL508", "reads element 4"),
        (rebuilt(strides=(2,)), {"0": bytes(16)}, "XL509", "malformed"),
        (rebuilt(strides=(2, -1)), {"0": bytes(16)}, "XL509", "malformed"),
        (rebuilt(offset=-1), {"0": bytes(16)}, "XL509", "malformed"),
        (rebuilt(length=-1), {"0": bytes(16)}, "XL509", "malformed"),
    ],
)
def test_tensors_stay_inside_their_storage(
    findings: Findings, program: bytes, storages: dict[str, bytes], code: str, named: str
) -> None:
    (found,) = findings({WEIGHTS: archive(program, storages)})
    assert found.code == code
    assert named in found.message


WHOLE = archive(rebuilt(), {"0": bytes(16)})


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (WHOLE[:-10], "XL509", "truncated"),
        (WHOLE[:200], "XL509", "truncated"),
        (b"", "XL509", "truncated"),
        (b"PK\x03\x04", "XL509", "truncated"),
        (archive(rebuilt(), {"0": bytes(16)}, zipfile.ZIP_DEFLATED), "XL509", "is compressed"),
        (WHOLE.replace(b"little", b"bigger"), "XL509", "byteorder"),
        (archive(rebuilt(), {"0": bytes(16)}, byteorder="big"), "XL509", "big-endian"),
        (WHOLE.replace(b"data.pkl", b"data.txt"), "XL509", "without one data.pkl"),
        (archive(rebuilt(), {"0": bytes(16)}, extra="archive/constants.pkl"), "XL510", "TorchScript"),
        (archive(rebuilt(), {"0": bytes(16)}, extra="archive/data/0"), "XL509", "`archive/data/0` twice"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "XL516", "Git LFS pointer"),
    ],
)
def test_a_broken_zip_is_one_finding(findings: Findings, content: bytes, code: str, words: str) -> None:
    (found,) = findings({WEIGHTS: content})
    assert found.code == code
    assert words in found.message
    assert WEIGHTS in found.message


@pytest.mark.parametrize(
    ("fields", "value", "words"),
    [
        ([42], WHOLE.index(b"archive/data/0"), "overlaps `archive/data/0`"),  # where the member begins
        ([42], len(WHOLE) - 2, "leaves the file"),
        ([20, 24], len(WHOLE), "leaves the file"),  # how long it is, twice
    ],
)
def test_members_stay_apart_and_inside(findings: Findings, fields: list[int], value: int, words: str) -> None:
    content = bytearray(WHOLE)
    entry = content.rfind(b"PK\x01\x02")  # the last member's, in the directory
    written = value.to_bytes(4, "little")
    for offset in fields:
        content[entry + offset : entry + offset + 4] = written
    (found,) = findings({WEIGHTS: bytes(content)})
    assert found.code == "XL508"
    assert words in found.message


def test_the_format_before_torch_1_6(tmp_path: Path, findings: Findings) -> None:
    legacy = saved(tmp_path, {"a": torch.zeros(2)}, _use_new_zipfile_serialization=False)
    (found,) = findings({WEIGHTS: legacy})
    assert found.code == "XL510"
    assert "before release 1.6" in found.message
