"""What a checkpoint's headers say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from compiler.checkpoint.dtypes import ITEM_SIZES
from compiler.checkpoint.source import Source

Format = Literal["safetensors", "bin"]


class StoredTensor(NamedTuple):
    """One tensor of a checkpoint, located but not read.

    In a safetensors file its bytes are `start:stop` of `file`, row-major. In a `.bin` it is a view of the
    zip member `storage`: `strides` and `storage_offset` count elements, as in `torch.as_strided`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str  # torch's name without the prefix: "float32", "bfloat16", "int64"
    file: str
    start: int | None = None
    stop: int | None = None
    storage: str | None = None
    storage_offset: int = 0
    strides: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        """Bytes of the tensor's elements."""
        return math.prod(self.shape) * ITEM_SIZES[self.dtype]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Every tensor of a checkpoint by its stored name, in stored order.

    `aliases` groups names that are one and the same view of one storage (tied weights of a `.bin`);
    a safetensors file stores every tensor once, so it has none. `metadata` is the safetensors
    `__metadata__` of the first file.
    """

    source: Source
    format: Format
    files: tuple[str, ...]
    tensors: dict[str, StoredTensor]
    metadata: dict[str, str]
    aliases: tuple[tuple[str, ...], ...] = ()


def aliases_of(tensors: dict[str, StoredTensor]) -> tuple[tuple[str, ...], ...]:
    """Group the names whose tensors are the same elements of the same storage."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for tensor in tensors.values():
        if tensor.storage is not None and tensor.size:
            view = (
                tensor.file,
                tensor.storage,
                tensor.dtype,
                tensor.storage_offset,
                tensor.shape,
                tensor.strides,
            )
            groups.setdefault(view, []).append(tensor.name)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)
