"""Stored tensors as values: files are mapped, nothing is copied until somebody writes or casts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.checkpoint.checkpoint import Checkpoint, StoredTensor

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Values(Mapping[str, "Tensor"]):
    """The tensors of a checkpoint, read on demand. Each file is mapped once, copy on write."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._storages: dict[str, torch.UntypedStorage] = {}
        self._pickles: dict[str, dict[str, Tensor]] = {}

    def __getitem__(self, name: str) -> Tensor:
        """The stored tensor; on CPU, of the stored dtype, sharing the mapped file where alignment allows."""
        tensor = self._checkpoint.tensors[name]
        if self._checkpoint.format == "bin":
            return self._unpickled(tensor.file)[name]
        return self._mapped(tensor)

    def __iter__(self) -> Iterator[str]:
        return iter(self._checkpoint.tensors)

    def __len__(self) -> int:
        return len(self._checkpoint.tensors)

    def _mapped(self, tensor: StoredTensor) -> Tensor:
        import torch

        dtype = getattr(torch, tensor.dtype)
        assert isinstance(dtype, torch.dtype)
        assert tensor.start is not None, "safetensors state their offsets"
        assert tensor.stop is not None, "safetensors state their offsets"
        if tensor.file not in self._storages:
            path = self._path(tensor.file)
            mapped: Any = torch.UntypedStorage
            self._storages[tensor.file] = mapped.from_file(
                str(path), shared=False, nbytes=path.stat().st_size
            )
        storage = self._storages[tensor.file]
        if tensor.start % dtype.itemsize:
            raw = torch.empty(0, dtype=torch.uint8).set_(
                storage, tensor.start, (tensor.stop - tensor.start,), (1,)
            )
            return raw.clone().view(dtype).view(tensor.shape)
        strides = _row_major(tensor.shape)
        empty = torch.empty(0, dtype=dtype)
        return empty.set_(storage, tensor.start // dtype.itemsize, tensor.shape, strides)

    def _unpickled(self, file: str) -> dict[str, Tensor]:
        import torch

        if file not in self._pickles:
            self._pickles[file] = torch.load(
                self._path(file), map_location="cpu", weights_only=True, mmap=True
            )
        return self._pickles[file]

    def _path(self, file: str) -> Path:
        return self._checkpoint.source.path(file)


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))
