"""Stored tensors become parameters: shared with the file, or streamed with its pages given back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from threading import Barrier, get_ident
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Folder
from compiler.weights import streaming
from compiler.weights.mapping import MappedFile
from compiler.weights.streaming import Feed, parameters
from compiler.weights.values import Values
from specs.weights import Concat, Operation, Rename, Reorder, Slice, Split, Transpose
from tests.cli.runner import python

CPU = torch.device("cpu")
FEEDS: dict[str, tuple[tuple[str, ...], Operation]] = {
    "plain": (("a",), Rename()),
    "turned": (("a",), Transpose()),
    "second": (("a",), Split(0, 1, 2)),
    "columns": (("a",), Split(1, 0, 5)),
    "joined": (("b", "c"), Concat(0, 2)),
    "ordered": (("b",), Reorder(0, (1, 0))),
    "cut": (("c",), Slice(0, 1, 3, 4)),
    "empty": (("none",), Rename()),
    "number": (("scalar",), Rename()),
}


class Recorded(Values):
    """Remembers what was given back."""

    def __init__(self, folder: Path) -> None:
        super().__init__(read_checkpoint(Folder(folder)))
        self.given_back: list[tuple[str, int, int | None]] = []

    def give_back(self, name: str, first: int = 0, last: int | None = None) -> None:
        self.given_back.append((name, first, last))
        super().give_back(name, first, last)


@pytest.fixture
def stored() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = {"a": (6, 5), "b": (4, 3), "c": (4, 3), "none": (0, 3), "scalar": ()}
    return {name: torch.randn(size, generator=generator) for name, size in sizes.items()}


@pytest.fixture
def values(stored: dict[str, Tensor], tmp_path: Path) -> Recorded:
    """The tensors in two files."""
    shards = {"one.safetensors": ("a", "b", "none"), "two.safetensors": ("c", "scalar")}
    for file, names in shards.items():
        save_file({name: stored[name] for name in names}, tmp_path / file)
    places = ", ".join(f'"{name}": "{file}"' for file, names in shards.items() for name in names)
    (tmp_path / "model.safetensors.index.json").write_text(f'{{"weight_map": {{{places}}}}}')
    return Recorded(tmp_path)


def feeds(values: Values, chosen: Iterable[str] = FEEDS) -> list[Feed]:
    return [Feed(address, values, *FEEDS[address]) for address in chosen]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("piece", [8, 44, 1 << 24])
def test_every_operation_in_every_dtype(
    values: Recorded,
    stored: dict[str, Tensor],
    dtype: torch.dtype,
    piece: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "PIECE", piece)
    a, b, c = stored["a"], stored["b"], stored["c"]
    expected = {
        "plain": a,
        "turned": a.t(),
        "second": a[3:],
        "columns": a[:, :1],
        "joined": torch.cat([b, c]),
        "ordered": torch.cat([b[2:], b[:2]]),
        "cut": c[1:3],
        "empty": stored["none"],
        "number": stored["scalar"],
    }
    found = parameters(feeds(values), CPU, dtype)
    assert found.keys() == expected.keys()
    for address, tensor in found.items():
        assert torch.equal(tensor, expected[address].to(dtype)), address
        assert tensor.dtype == dtype
        assert tensor.is_contiguous(), address


def test_the_same_dtype_shares_the_file_and_leaves_it_alone(
    values: Recorded, stored: dict[str, Tensor], tmp_path: Path
) -> None:
    shared = ("plain", "second", "cut", "number")
    found = parameters(feeds(values, shared), CPU, torch.float32)
    assert values.given_back == []
    again = {name: values[FEEDS[name][0][0]] for name in shared}
    for name in shared:
        assert found[name].untyped_storage().data_ptr() == again[name].untyped_storage().data_ptr()
    before = [file.read_bytes() for file in sorted(tmp_path.glob("*.safetensors"))]
    found["plain"].fill_(7)
    assert torch.equal(values["a"], torch.full((6, 5), 7.0))
    assert [file.read_bytes() for file in sorted(tmp_path.glob("*.safetensors"))] == before


def test_a_cast_gives_back_all_that_it_read_piece_by_piece(
    values: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "PIECE", 44)  # eleven numbers
    parameters(feeds(values, ["plain"]), CPU, torch.bfloat16)
    assert values.given_back == [("a", 0, 11), ("a", 11, 22), ("a", 22, 30)]


def test_what_was_joined_or_turned_is_given_back_whole(values: Recorded) -> None:
    parameters(feeds(values, ["joined", "turned"]), CPU, torch.float32)
    assert sorted(values.given_back) == [("a", 0, None), ("b", 0, None), ("c", 0, None)]


def test_pages_given_back_are_the_files_again(tmp_path: Path) -> None:
    data = torch.arange(3 * 4096, dtype=torch.float32)
    (tmp_path / "data").write_bytes(data.numpy().tobytes())
    with (tmp_path / "data").open("rb") as file:
        mapped = MappedFile(file.fileno())
    tensor = mapped.tensor(0, (3 * 4096,), torch.float32)
    tensor.zero_()
    mapped.give_back(4 * 4096, 8 * 4096)
    assert torch.equal(tensor[4096:8192], data[4096:8192])
    assert not tensor[:4096].any()
    assert not tensor[8192:].any()


def test_unaligned_numbers_are_copied(tmp_path: Path) -> None:
    data = torch.arange(5, dtype=torch.float32)
    (tmp_path / "data").write_bytes(b"x" + data.numpy().tobytes())
    with (tmp_path / "data").open("rb") as file:
        found = MappedFile(file.fileno()).tensor(1, (5,), torch.float32)
    assert torch.equal(found, data)
    assert found.data_ptr() % 4 == 0


PEAK = """
import torch
from pathlib import Path
from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Folder
from compiler.weights.streaming import Feed, parameters
from compiler.weights.values import Values
from specs.weights import Rename
values = Values(read_checkpoint(Folder(Path("."))))
torch.ones(1000).bfloat16()
def peak():
    # Of this program: what getrusage tells begins with the process that started it.
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
before = peak()
feeds = [Feed(name, values, (name,), Rename()) for name in values]
held = parameters(feeds, torch.device("cpu"), torch.bfloat16)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the system does not tell its peak")
def test_a_cast_takes_the_memory_of_its_result(tmp_path: Path) -> None:
    """128 MB of float32 in four tensors are 64 MB of bfloat16; the file's pages are never all there."""
    save_file({str(index): torch.full((1 << 23,), 1.5) for index in range(4)}, tmp_path / "model.safetensors")
    assert int(python(PEAK, tmp_path).stdout) < 64 + 40


def test_readers_share_the_bytes_out(values: Recorded) -> None:
    every = feeds(values, ["plain", "turned", "joined", "ordered", "empty"])
    parts = [[feed.address for feed in part] for part in streaming._shared_out(every, 3)]
    assert parts == [["plain", "turned"], ["joined"], ["ordered", "empty"]]
    assert [feed for part in streaming._shared_out(every, 40) for feed in part] == every
    assert streaming._shared_out([], 3) == []


def test_a_cast_is_read_by_several_threads(values: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    both = Barrier(2, timeout=60)
    place = streaming._Placing.place

    def met(self: Any, feed: Feed) -> Tensor:
        if get_ident() not in seen:
            seen.add(get_ident())
            both.wait()  # a lone reader would wait in vain
        return place(self, feed)

    monkeypatch.setattr(streaming._Placing, "place", met)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    found = parameters(feeds(values), CPU, torch.bfloat16)
    assert len(seen) == 2
    assert list(found) == list(FEEDS)
