"""The header of a safetensors file.

A file is eight bytes N (unsigned, little-endian), N bytes of JSON, and the tensors' bytes. The JSON maps a
name to `{"dtype", "shape", "data_offsets"}`, offsets counted from the end of the header; the tensors fill the
rest of the file exactly, without gap or overlap. Format: https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import json
from typing import Any

from compiler.checkpoint.checkpoint import StoredTensor
from compiler.checkpoint.dtypes import ITEM_SIZES, SAFETENSORS
from compiler.checkpoint.findings import error, printable
from compiler.checkpoint.shard import Shard
from compiler.checkpoint.source import LFS_POINTER, Source, lfs_pointer, without_duplicates
from compiler.diagnostics.model import Diagnostic

FIRST_READ = 128 * 1024  # holds the header of about a thousand tensors, so that most files take one request
HEADER_LIMIT = 100_000_000  # the format's own bound
_INTEGER_LIMIT = 2**63
_FIELDS = {"dtype", "shape", "data_offsets"}


def read_safetensors(source: Source, name: str) -> Shard:
    """Read one file's header in one or two ranged reads. Findings: XL508, XL509, XL516, XL517."""
    label = source.label(name)
    size = source.size(name)
    head = source.read_range(name, 0, min(size, FIRST_READ))
    if head.startswith(LFS_POINTER):
        return Shard(name, findings=[lfs_pointer(source, name)])
    length = int.from_bytes(head[:8], "little")
    if len(head) < 8 or 8 + length > size:
        needed = "8 bytes" if len(head) < 8 else f"{8 + length:,} bytes for its header"
        return _malformed(
            name, f"`{label}` is truncated or not safetensors: it needs {needed} and has {size:,}"
        )
    if length > HEADER_LIMIT:
        return _malformed(
            name, f"`{label}` has a header of {length:,} bytes, above the limit of {HEADER_LIMIT:,}"
        )
    if len(head) < 8 + length:
        head += source.read_range(name, len(head), 8 + length)
    return parse_header(name, label, head[8 : 8 + length], size)


def parse_header(name: str, label: str, header: bytes, file_size: int) -> Shard:
    """Check the JSON `header` of a file of `file_size` bytes, every finding at once."""
    try:
        if not header.startswith(b"{"):
            raise ValueError("it does not begin with `{`")
        entries = json.loads(header.decode("utf-8"), object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError) as malformed:
        reason = "nested too deeply" if isinstance(malformed, RecursionError) else str(malformed)
        return _malformed(name, f"the header of `{label}` cannot be read: {reason}")

    metadata = entries.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        return _malformed(
            name, f"the header of `{label}` has a `__metadata__` that does not map text to text"
        )

    shard = Shard(name, metadata=metadata)
    data_start = 8 + len(header)
    for tensor_name, entry in entries.items():
        tensor = _tensor(tensor_name, entry, name, data_start)
        if isinstance(tensor, StoredTensor):
            shard.tensors[tensor_name] = tensor
        else:
            code, reason = tensor
            message = f"`{label}`: tensor `{printable(tensor_name)}` {reason}"
            shard.findings.append(error(code, message, help=_DTYPE_HELP if code == "XL517" else None))
    if not shard.findings:  # the layout of the others can only be judged when every tensor is known
        shard.findings.extend(_layout(label, list(shard.tensors.values()), data_start, file_size))
    return shard


_DTYPE_HELP = "use the repository's float32, float16 or bfloat16 weights"


def _tensor(name: str, entry: Any, file: str, data_start: int) -> StoredTensor | tuple[str, str]:
    """The tensor that a header entry describes, or (code, what is wrong with it)."""
    if not isinstance(entry, dict) or entry.keys() != _FIELDS:
        return "XL509", "is not described by `dtype`, `shape` and `data_offsets` alone"
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not _counts(shape) or not _counts(offsets) or len(offsets) != 2:
        return (
            "XL509",
            "needs text for its dtype, a list of sizes for its shape, two positions for its offsets",
        )
    if not name.isascii() and any("\ud800" <= character <= "\udfff" for character in name):
        return "XL509", "has a name that is not Unicode text"
    if dtype not in SAFETENSORS:
        return "XL517", f"is stored as {printable(dtype)}, which crossloom does not read"
    start, stop = offsets
    return StoredTensor(name, tuple(shape), SAFETENSORS[dtype], file, data_start + start, data_start + stop)


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < _INTEGER_LIMIT for item in value)


def _layout(label: str, tensors: list[StoredTensor], data_start: int, file_size: int) -> list[Diagnostic]:
    """Whether the tensors fill the file exactly, each in a range of its own size.

    A file cut short is told apart from a header that was wrong when written: in the first the ranges agree
    with the shapes and follow each other, only the end is missing.
    """
    located = [(_range(tensor), tensor) for tensor in tensors]
    located.sort(key=lambda item: item[0])
    expected = data_start
    consistent = True
    for (start, stop), tensor in located:
        consistent = consistent and start == expected and stop - start == _bytes_of(tensor)
        expected = stop
    if consistent:
        if file_size == expected:
            return []
        state = "is truncated" if file_size < expected else "has bytes that belong to no tensor"
        message = f"`{label}` {state}: its header describes {expected:,} bytes, the file has {file_size:,}"
        return [error("XL509", message, help="fetch the file again")]

    findings: list[Diagnostic] = []
    gaps: list[Diagnostic] = []
    previous: StoredTensor | None = None
    reached = data_start
    for (start, stop), tensor in located:
        subject = f"`{label}`: tensor `{printable(tensor.name)}`"
        where = f"bytes {start:,} to {stop:,}"
        size = _bytes_of(tensor)
        if stop < start:
            findings.append(error("XL508", f"{subject} ends before it starts: {where}"))
            continue
        if stop > file_size:
            findings.append(error("XL508", f"{subject} leaves the file: {where} of {file_size:,}"))
        elif start < reached and stop > start and previous is not None:
            findings.append(error("XL508", f"{subject} overlaps `{printable(previous.name)}`: {where}"))
        elif size != stop - start:
            described = f"{tensor.dtype} {list(tensor.shape)}"
            needs = f"{size:,}" if size is not None else "more than 2^63"
            findings.append(
                error("XL509", f"{subject} is {described}, {needs} bytes, but has {stop - start:,}")
            )
        elif start > reached:
            gaps.append(
                error("XL508", f"{subject} starts {start - reached:,} bytes after the one before it ends")
            )
        if stop > reached:
            previous, reached = tensor, stop
    if reached < file_size and not findings:
        gaps.append(error("XL508", f"`{label}`: the last {file_size - reached:,} bytes belong to no tensor"))
    return findings or gaps  # a misplaced tensor leaves a gap too: one mistake, one finding


def _range(tensor: StoredTensor) -> tuple[int, int]:
    assert tensor.start is not None, "a safetensors entry has a byte range"
    assert tensor.stop is not None, "a safetensors entry has a byte range"
    return tensor.start, tensor.stop


def _bytes_of(tensor: StoredTensor) -> int | None:
    """Bytes that shape and dtype ask for; None beyond 2^63, before the product grows without bound."""
    size = ITEM_SIZES[tensor.dtype]
    for extent in tensor.shape:
        size *= extent
        if size >= _INTEGER_LIMIT:
            return None
    return size


def _malformed(name: str, message: str) -> Shard:
    return Shard(name, findings=[error("XL509", message, help="fetch the file again")])
