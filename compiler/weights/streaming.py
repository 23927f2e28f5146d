"""Stored tensors to where a model computes, in its dtype: shared with the file if possible, else streamed.

What is cast or moved goes through memory in pieces, and the pages of the file behind it are given back, so a
load needs little more memory than the model itself. Shards, and parts of a large file, are read at a time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.checkpoint.checkpoint import StoredTensor
from compiler.weights.operations import apply
from compiler.weights.staging import CudaOperations, Operations, Staging
from compiler.weights.values import Values
from specs.weights import Operation, Rename

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PIECE = 1 << 24
"""Bytes of a file that each reader has in memory."""

READERS = 4
"""How many parts of a checkpoint are read at a time, at most."""


@dataclass(frozen=True)
class Feed:
    """The stored tensors that make a parameter, and how."""

    address: str
    values: Values
    names: tuple[str, ...]
    operation: Operation

    @property
    def stored(self) -> list[StoredTensor]:
        """What the headers say of them."""
        return [self.values.stored(name) for name in self.names]

    def give_back(self) -> None:
        """Let go of the pages that were read for it."""
        for name in self.names:
            self.values.give_back(name)


def parameters(
    feeds: Sequence[Feed], device: torch.device, dtype: torch.dtype, operations: Operations | None = None
) -> dict[str, Tensor]:
    """Every parameter by its address, on `device` and of `dtype`, contiguous.

    `operations` are those of the device; by default CUDA's for a CUDA device, and none for others.
    """
    if operations is None and device.type == "cuda":
        operations = CudaOperations()

    def placed(part: Sequence[Feed]) -> dict[str, Tensor]:
        placing = _Placing(device, dtype, operations)
        found = {feed.address: placing.place(feed) for feed in part}
        placing.finish()
        return found

    own = str(dtype).removeprefix("torch.")
    if device.type == "cpu" and all(one.dtype == own for feed in feeds for one in feed.stored):
        return placed(feeds)  # nothing is read
    parts = _shared_out(feeds, min(READERS, os.cpu_count() or 1))
    with ThreadPoolExecutor(len(parts) or 1) as readers:
        return {address: tensor for found in readers.map(placed, parts) for address, tensor in found.items()}


def _shared_out(feeds: Sequence[Feed], count: int) -> list[list[Feed]]:
    """At most `count` parts of about as many bytes; neighbours stay together."""
    sizes = [sum(one.size for one in feed.stored) for feed in feeds]
    total, before = sum(sizes) or 1, 0
    parts: dict[int, list[Feed]] = {}
    for feed, size in zip(feeds, sizes, strict=True):
        parts.setdefault(min(before * count // total, count - 1), []).append(feed)
        before += size
    return list(parts.values())


class _Placing:
    """One thread's way from files to parameters."""

    def __init__(self, device: torch.device, dtype: torch.dtype, operations: Operations | None) -> None:
        self._device = device
        self._dtype = dtype
        self._operations = operations
        self._staging: Staging | None = None

    def place(self, feed: Feed) -> Tensor:
        """The parameter: the file's own memory where it can be, else a tensor of its own."""
        import torch

        stored = [feed.values[name] for name in feed.names]
        tensor = apply(feed.operation, stored)
        if (tensor.device, tensor.dtype) == (self._device, self._dtype) and tensor.is_contiguous():
            if not any(_share(tensor, one) for one in stored):
                feed.give_back()
            return tensor
        placed = torch.empty(tensor.shape, dtype=self._dtype, device=self._device)
        if isinstance(feed.operation, Rename) and tensor.is_contiguous():
            self._stream(tensor.view(-1), placed.view(-1), feed)
        else:
            self._copy(tensor.contiguous().view(-1), placed.view(-1))
            feed.give_back()
        return placed

    def finish(self) -> None:
        """Wait for a device that copies by itself."""
        if self._staging is not None:
            self._staging.finish()

    def _stream(self, source: Tensor, target: Tensor, feed: Feed) -> None:
        """A stored tensor, piece by piece, what was read given back behind each."""
        at_once = PIECE // source.dtype.itemsize
        for first in range(0, source.numel(), at_once):
            last = min(first + at_once, source.numel())
            self._copy(source[first:last], target[first:last])
            feed.values.give_back(feed.names[0], first, last)

    def _copy(self, source: Tensor, target: Tensor) -> None:
        if self._operations is None:
            target.copy_(source)
            return
        if self._staging is None:
            self._staging = Staging(PIECE, self._operations)
        self._staging.copy(source, target)


def _share(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors are of the same memory."""
    return first is second or first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()
