"""Stored tensors as values: files are mapped, nothing is copied until somebody writes or casts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from compiler.checkpoint.checkpoint import Checkpoint, StoredTensor
from compiler.weights.mapping import MappedFile

if TYPE_CHECKING:
    from torch import Tensor


class Values(Mapping[str, "Tensor"]):
    """The tensors of a checkpoint, read on demand, by any number of threads. Each file is mapped once."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._files: dict[str, MappedFile] = {}
        self._pickles: dict[str, dict[str, Tensor]] = {}
        self._lock = Lock()

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

    def stored(self, name: str) -> StoredTensor:
        """What the headers say of a tensor."""
        return self._checkpoint.tensors[name]

    def give_back(self, name: str, first: int = 0, last: int | None = None) -> None:
        """Let the system have the memory again in which a tensor's elements `first:last` were read.

        A `.bin` keeps its own until all of it is let go.
        """
        import torch

        tensor = self._checkpoint.tensors[name]
        if tensor.start is None or tensor.stop is None:
            return
        size = getattr(torch, tensor.dtype).itemsize
        stop = tensor.stop if last is None else tensor.start + last * size
        self._file(tensor.file).give_back(tensor.start + first * size, stop)

    def _mapped(self, tensor: StoredTensor) -> Tensor:
        import torch

        assert tensor.start is not None, "safetensors state their offsets"
        return self._file(tensor.file).tensor(tensor.start, tensor.shape, getattr(torch, tensor.dtype))

    def _file(self, file: str) -> MappedFile:
        with self._lock:
            if file not in self._files:
                with self._path(file).open("rb") as opened:
                    self._files[file] = MappedFile(opened.fileno())
            return self._files[file]

    def _unpickled(self, file: str) -> dict[str, Tensor]:
        import torch

        with self._lock:
            if file not in self._pickles:
                self._pickles[file] = torch.load(
                    self._path(file), map_location="cpu", weights_only=True, mmap=True
                )
            return self._pickles[file]

    def _path(self, file: str) -> Path:
        return self._checkpoint.source.path(file)
