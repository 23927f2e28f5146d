"""Buffers that follow from formulas: computed where a source is loaded, and kept where that is done again.

What an emitted source computes is the same in every model of it. From the third load in a process on, its
values are in memory that no model owns. Every model maps it copy on write, as it maps its weights: whatever
it writes to a buffer is in pages of its own.
"""

from __future__ import annotations

import mmap
import os
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import finalize

from compiler.weights.mapping import MappedFile

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from compiler.weights.table import WeightTable

    Source = tuple[str, torch.dtype]
    """An emitted module, which is named for its content, and torch's default dtype."""
    Buffers = dict[tuple[str, str], Tensor]
    """By the address of the block that has it, and its name there."""

MOST_BYTES = 64 << 20
"""What is kept of all sources together; the one that was loaded least lately is given up first."""
_ALIGNMENT = 64


def compute_buffers(model: torch.nn.Module, table: WeightTable, device: torch.device) -> None:
    """Give buffers that are not stored their values, from their formulas, on `device`."""
    import torch

    computed = (row.address.rpartition(".")[0] for row in table if row.status == "computed")
    owners: dict[str, Any] = {owner: model.get_submodule(owner) for owner in dict.fromkeys(computed)}
    source = type(model).__module__, torch.get_default_dtype()
    is_kept = device.type == "cpu" and bool(owners)
    if is_kept and (kept := _KEPT.mapped(source)) is not None:
        for (owner, name), buffer in kept.items():
            setattr(owners[owner], name, buffer)
        return
    for (owner, name), buffer in _buffers_of(owners).items():
        setattr(owners[owner], name, torch.empty_like(buffer, device=device))
    for block in owners.values():
        block.reset_buffers()
    if is_kept:
        _KEPT.keep(source, _buffers_of(owners))


def _buffers_of(owners: Mapping[str, Any]) -> Buffers:
    return {
        (address, name): buffer
        for address, owner in owners.items()
        for name, buffer in owner.named_buffers(recurse=False)
    }


class _Kept:
    """The buffers of sources that were loaded twice or more, for any thread."""

    def __init__(self) -> None:
        self._sources: OrderedDict[Source, _Memory | None] = OrderedDict()
        """None for what was loaded once."""
        self._lock = Lock()

    def mapped(self, source: Source) -> Buffers | None:
        """The buffers of a source, if they are kept."""
        with self._lock:
            found = self._sources.get(source)
            if found is not None:
                self._sources.move_to_end(source)
        return None if found is None else found.mapped()

    def keep(self, source: Source, buffers: Buffers) -> None:
        """Take note of a source, or keep its buffers where that was done and the system can."""
        if sum(buffer.nbytes for buffer in buffers.values()) > MOST_BYTES:
            return
        with self._lock:
            if source not in self._sources:
                self._sources[source] = None
                return
            self._sources.move_to_end(source)
            with suppress(OSError, AttributeError):  # a system without such files, or without room for one
                self._sources[source] = _Memory(buffers)
            while sum(memory.size for memory in self._sources.values() if memory is not None) > MOST_BYTES:
                self._sources.popitem(last=False)


_KEPT = _Kept()


class _Memory:
    """Tensors one behind the other, in a file that is in memory alone."""

    def __init__(self, buffers: Buffers) -> None:
        self.size = 0
        self._places: dict[tuple[str, str], tuple[int, tuple[int, ...], torch.dtype]] = {}
        for name, tensor in buffers.items():
            self._places[name] = self.size, tuple(tensor.shape), tensor.dtype
            self.size += (tensor.nbytes // _ALIGNMENT + 1) * _ALIGNMENT
        self._file = os.memfd_create("computed buffers")
        finalize(self, os.close, self._file)
        os.truncate(self._file, self.size)
        for name, written in self.mapped(mmap.ACCESS_WRITE).items():
            written.copy_(buffers[name])

    def mapped(self, access: int = mmap.ACCESS_COPY) -> Buffers:
        """The tensors, in memory that is mapped for them alone."""
        file = MappedFile(self._file, access)
        return {name: file.tensor(*place) for name, place in self._places.items()}
