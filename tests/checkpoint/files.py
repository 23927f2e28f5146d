"""Checkpoint files made by hand, byte by byte, so that each test can spoil one thing."""

from __future__ import annotations

import io
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

Tensors = Mapping[str, tuple[str, Sequence[int], bytes]]

SPEECH: Tensors = {
    "model.encoder.layer_norm.weight": ("F32", [2], bytes(8)),
    "model.decoder.embed_tokens.weight": ("F16", [3, 2], bytes(12)),
    "model.decoder.version": ("I64", [], bytes(8)),
}


def entries(tensors: Tensors) -> dict[str, Any]:
    """The header of a well-formed file, for a test to change."""
    header: dict[str, Any] = {}
    position = 0
    for name, (dtype, shape, content) in tensors.items():
        offsets = [position, position + len(content)]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": offsets}
        position += len(content)
    return header


def assemble(header: Mapping[str, Any] | bytes, data: bytes) -> bytes:
    """A safetensors file of this header and data, whether they fit or not."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def safetensors(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> bytes:
    """A well-formed safetensors file."""
    header = entries(tensors)
    if metadata is not None:
        header = {"__metadata__": dict(metadata), **header}
    return assemble(header, b"".join(content for _, _, content in tensors.values()))


def archive(
    pickled: bytes,
    storages: Mapping[str, bytes],
    compression: int = zipfile.ZIP_STORED,
    *,
    byteorder: str = "little",
    extra: str | None = None,
) -> bytes:
    """A zip laid out as torch.save lays it out; `extra` names one more, empty member."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as file:
        warnings.simplefilter("ignore")  # the same name twice
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/byteorder", byteorder)
        for key, content in storages.items():
            file.writestr(f"archive/data/{key}", content)
        file.writestr("archive/version", "3\n")
        if extra is not None:
            file.writestr(extra, b"")
    return buffer.getvalue()


class Call:
    """Pickles as a call of `function`, to see it refused."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.called = (function, arguments)

    def __reduce__(self) -> Any:
        return self.called


def pickled(value: Any) -> bytes:
    """Protocol 2, as torch.save uses."""
    return pickle.dumps(value, protocol=2)
