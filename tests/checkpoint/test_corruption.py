"""Whatever bytes a weights file holds, reading it ends in tensors inside the file or in findings."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.checkpoint.checkpoint import Checkpoint
from compiler.checkpoint.dtypes import ITEM_SIZES, SAFETENSORS
from compiler.checkpoint.pickled import Refused, read_pickle
from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Folder
from compiler.diagnostics.model import CrossloomError
from tests.checkpoint.files import SPEECH, archive, assemble, entries, safetensors
from tests.checkpoint.test_archive import rebuilt

CODES = {"XL507", "XL508", "XL509", "XL510", "XL516", "XL517"}
WEIGHTS = safetensors(SPEECH, metadata={"format": "pt"})
ARCHIVE = archive(rebuilt(), {"0": bytes(16)})


def read(name: str, content: bytes) -> Checkpoint | None:
    """The checkpoint, or None with every finding seen to be one of weights and printable."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        try:
            return read_checkpoint(Folder(Path(folder)))
        except CrossloomError as error:
            raised = error
    assert {diagnostic.code for diagnostic in raised.diagnostics} <= CODES
    str(raised).encode()
    return None


def assert_sound(checkpoint: Checkpoint | None, size: int) -> None:
    """The tensors fill the rest of the file, each in as many bytes as its shape says."""
    if checkpoint is None:
        return
    ranges = sorted((tensor.start, tensor.stop) for tensor in checkpoint.tensors.values())
    stops = [stop for _, stop in ranges]
    assert not ranges or stops[-1] == size
    assert all(start == stop for (start, _), stop in zip(ranges[1:], stops[:-1], strict=True))
    for tensor in checkpoint.tensors.values():
        assert tensor.start is not None
        assert tensor.stop is not None
        assert tensor.stop - tensor.start == math.prod(tensor.shape) * ITEM_SIZES[tensor.dtype]


def spoilt(content: bytes) -> st.SearchStrategy[bytes]:
    """The content with a few bytes replaced, and perhaps its end cut off."""
    edit = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))

    def apply(edits: list[tuple[int, int]], end: int) -> bytes:
        changed = bytearray(content)
        for position, value in edits:
            changed[position] = value
        return bytes(changed[:end])

    ends = st.one_of(st.just(len(content)), st.integers(0, len(content)))
    return st.builds(apply, st.lists(edit, max_size=4), ends)


@given(spoilt(WEIGHTS))
@settings(max_examples=150, deadline=None)
def test_spoilt_safetensors(content: bytes) -> None:
    assert_sound(read("model.safetensors", content), len(content))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SIZES = st.lists(st.integers(0, 6) | st.just(2**40), max_size=3)
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(sorted(SAFETENSORS)) | JSON,
        "shape": SIZES | JSON,
        "data_offsets": st.lists(st.integers(0, 40), min_size=2, max_size=2) | JSON,
    }
)


@given(st.dictionaries(st.sampled_from(list(SPEECH)) | st.text(max_size=4), ENTRY | JSON, max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_header(header: dict[str, Any]) -> None:
    content = assemble(json.dumps(entries(SPEECH) | header).encode(), bytes(28))
    assert_sound(read("model.safetensors", content), len(content))


@given(
    st.lists(st.tuples(st.sampled_from(["F32", "U8", "I64"]), SIZES.filter(lambda sizes: 2**40 not in sizes)))
)
@settings(max_examples=60, deadline=None)
def test_every_sound_file_is_read(described: list[tuple[str, list[int]]]) -> None:
    tensors = {
        f"t{index}": (dtype, shape, bytes(math.prod(shape) * ITEM_SIZES[SAFETENSORS[dtype]]))
        for index, (dtype, shape) in enumerate(described)
    }
    content = safetensors(tensors)
    checkpoint = read("model.safetensors", content)
    assert checkpoint is not None
    assert_sound(checkpoint, len(content))
    assert [tensor.shape for tensor in checkpoint.tensors.values()] == [
        tuple(shape) for _, shape in described
    ]


@given(spoilt(ARCHIVE))
@settings(max_examples=150, deadline=None)
def test_spoilt_archives(content: bytes) -> None:
    checkpoint = read("pytorch_model.bin", content)
    for tensor in checkpoint.tensors.values() if checkpoint else ():
        assert tensor.size <= 16


@given(spoilt(rebuilt()) | st.binary(max_size=60).map(lambda program: b"\x80\x02" + program))
@settings(max_examples=300, deadline=None)
def test_any_pickle(program: bytes) -> None:
    try:
        read_pickle(program)
    except Refused as refused:
        code = refused.code
    else:
        return
    assert code in {"XL509", "XL510", "XL517"}


@given(
    st.sampled_from(["model.safetensors", "pytorch_model.bin", "model.safetensors.index.json"]), st.binary()
)
@settings(max_examples=100, deadline=None)
def test_any_bytes(name: str, content: bytes) -> None:
    read(name, content)
