"""A `.bin` checkpoint: the zip that `torch.save` writes, read over ranges.

Members: `<root>/data.pkl` (a dictionary of tensors that refers to storages by key), `<root>/data/<key>` (a
storage's raw bytes, uncompressed), `<root>/byteorder`, `<root>/version`. Only the zip's directory and
`data.pkl` are read, so a file on the Hub is checked without being downloaded.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

from compiler.checkpoint.checkpoint import StoredTensor
from compiler.checkpoint.dtypes import ITEM_SIZES
from compiler.checkpoint.findings import error, printable
from compiler.checkpoint.pickled import PickledTensor, Refused, read_pickle
from compiler.checkpoint.shard import Shard
from compiler.checkpoint.source import LFS_POINTER, Source, lfs_pointer

READ_AHEAD = 64 * 1024
READ_LIMIT = PICKLE_LIMIT = 100_000_000
_LOCAL_HEADER = 30  # bytes before a member's name
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,  # covers UnicodeDecodeError
    OverflowError,
    NotImplementedError,
    RuntimeError,  # an encrypted member
    io.UnsupportedOperation,
)
_AS_SAFETENSORS = "save it with `safetensors.torch.save_file(state_dict, ...)` where it was trained"


def read_archive(source: Source, name: str) -> Shard:
    """Read one `.bin` file's directory and pickle. Findings: XL508, XL509, XL510, XL516, XL517."""
    shard = Shard(name)
    label = source.label(name)
    file = RangedFile(source, name)
    head = file.peek(len(LFS_POINTER))
    if head.startswith(LFS_POINTER):
        shard.findings.append(lfs_pointer(source, name))
        return shard
    if head[:1] == b"\x80":
        message = f"`{label}` is in the format torch wrote before release 1.6, which only unpickling can read"
        shard.findings.append(error("XL510", message, help=_AS_SAFETENSORS))
        return shard
    try:
        with zipfile.ZipFile(file) as archive:
            members = _members(archive, file.size)
            pickle_name = _pickle_name(members)
            root = pickle_name.removesuffix("data.pkl")
            if f"{root}byteorder" in members and archive.read(f"{root}byteorder").strip() != b"little":
                raise Refused("XL509", "its numbers are big-endian")
            state = read_pickle(archive.read(pickle_name))
    except Refused as refused:
        helped = _AS_SAFETENSORS if refused.code == "XL510" else None
        shard.findings.append(error(refused.code, f"`{label}` is refused: {refused.reason}", help=helped))
        return shard
    except _BROKEN_ZIP as broken:
        reason = str(broken) or type(broken).__name__
        message = f"`{label}` is truncated or not a file that torch.save wrote: {printable(reason)}"
        shard.findings.append(error("XL509", message, help="fetch the file again"))
        return shard
    _collect(shard, label, state, members, root)
    return shard


def _members(archive: zipfile.ZipFile, file_size: int) -> dict[str, zipfile.ZipInfo]:
    """The members by name, each known to lie inside the file and apart from the others."""
    members: dict[str, zipfile.ZipInfo] = {}
    reached, previous = 0, ""
    for member in sorted(archive.infolist(), key=lambda member: member.header_offset):
        subject = f"its member `{printable(member.filename)}`"
        if member.filename in members:
            raise Refused("XL509", f"its zip holds `{printable(member.filename)}` twice")
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise Refused("XL509", f"{subject} is compressed")
        if member.header_offset < reached:
            raise Refused("XL508", f"{subject} overlaps `{printable(previous)}`")
        reached, previous = member.header_offset + _LOCAL_HEADER + member.file_size, member.filename
        if reached > min(archive.start_dir, file_size):
            raise Refused("XL508", f"{subject} leaves the file")
        members[member.filename] = member
    return members


def _pickle_name(members: dict[str, zipfile.ZipInfo]) -> str:
    names = [
        name
        for name in members
        if name == "data.pkl" or (name.count("/") == 1 and name.endswith("/data.pkl"))
    ]
    if len(names) != 1:
        raise Refused("XL509", "it is a zip without one data.pkl, so torch.save did not write it")
    if names[0].replace("data.pkl", "constants.pkl") in members:
        raise Refused("XL510", "it is a TorchScript program, not a table of tensors")
    if members[names[0]].file_size > PICKLE_LIMIT:
        raise Refused("XL509", f"its pickle is larger than {PICKLE_LIMIT:,} bytes")
    return names[0]


def _collect(shard: Shard, label: str, state: Any, members: dict[str, zipfile.ZipInfo], root: str) -> None:
    """Turn the unpickled dictionary into stored tensors, each inside its storage."""
    if not isinstance(state, dict):
        shard.findings.append(
            error("XL509", f"`{label}` holds {type(state).__name__}, not a table of tensors")
        )
        return
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, PickledTensor):
            what = "a table" if isinstance(value, dict) else type(value).__name__
            message = f"`{label}` is not a flat table of tensors: {printable(f'{name!a}')} is {what}"
            shard.findings.append(error("XL509", message, help="save the model's `state_dict()` alone"))
            return
        if reason := _misplaced(value, members.get(f"{root}data/{value.storage.key}")):
            shard.findings.append(error("XL508", f"`{label}`: tensor `{printable(name)}` {reason}"))
            continue
        shard.tensors[name] = StoredTensor(
            name,
            value.shape,
            value.storage.dtype,
            shard.file,
            storage=value.storage.key,
            storage_offset=value.offset,
            strides=value.strides,
        )


def _misplaced(tensor: PickledTensor, member: zipfile.ZipInfo | None) -> str | None:
    """Why a tensor's elements are not all stored, or None."""
    storage = tensor.storage
    if member is None:
        return f"is in storage `{printable(storage.key)}`, which the file lacks"
    stored = member.file_size // ITEM_SIZES[storage.dtype]
    if storage.length != stored:
        return f"is in a storage of {storage.length:,} elements, of which the file holds {stored:,}"
    if 0 in tensor.shape:
        return None
    last = tensor.offset + sum(
        (extent - 1) * stride for extent, stride in zip(tensor.shape, tensor.strides, strict=True)
    )
    return None if last < stored else f"reads element {last:,} of a storage that has {stored:,}"


class RangedFile(io.RawIOBase):
    """A seekable file over `Source.read_range` that reads ahead: a zip takes three or four requests."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self._name = name
        self._position = 0
        self._pieces: list[tuple[int, bytes]] = []
        self.size = source.size(name)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move as `io.IOBase.seek` does."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("seek before the start")
        self._position = base + offset
        return self._position

    def peek(self, count: int) -> bytes:
        """The first `count` bytes, without moving."""
        return self._range(0, min(count, self.size))

    def read(self, count: int | None = -1) -> bytes:
        """Up to `count` bytes from the position, fewer only at the end."""
        start = min(self._position, self.size)
        stop = self.size if count is None or count < 0 else min(start + count, self.size)
        data = self._range(start, stop)
        self._position = start + len(data)
        return data

    def _range(self, start: int, stop: int) -> bytes:
        if start >= stop:
            return b""
        if stop - start > READ_LIMIT:
            raise ValueError(f"its directory is larger than {READ_LIMIT:,} bytes")
        for first, piece in self._pieces:
            if first <= start and stop <= first + len(piece):
                return piece[start - first : stop - first]
        # The end of a zip is its directory: a read that reaches it is extended backwards, others forwards.
        first = max(0, min(start, self.size - READ_AHEAD)) if stop == self.size else start
        piece = self._source.read_range(self._name, first, max(stop, min(start + READ_AHEAD, self.size)))
        self._pieces.append((first, piece))
        return piece[start - first : stop - first]
