"""Memory that a device copies from by itself: one buffer is filled while another is on its way."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

BUFFERS = 2


class Passed(Protocol):
    """A place in a device's queue."""

    def record(self) -> None:
        """Put it behind whatever was asked for so far."""

    def synchronize(self) -> None:
        """Wait until the device has passed it; at once where it was never recorded."""


class Operations(Protocol):
    """What staging asks of a kind of device."""

    def pinned(self, size: int) -> Tensor:
        """Bytes [size] that stay where they are in memory."""

    def passed(self) -> Passed:
        """A place for its queue, not recorded yet."""


class CudaOperations:
    """Of CUDA devices; nothing is asked of one before it is used."""

    def pinned(self, size: int) -> Tensor:
        """Page-locked bytes [size]."""
        import torch

        return torch.empty(size, dtype=torch.uint8, pin_memory=True)

    def passed(self) -> Passed:
        """An event of the current stream."""
        import torch

        event: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
        return event  # type: ignore[no-any-return]


class Staging:
    """Copies tensors to a device through a few pinned buffers of `size` bytes, by turns."""

    def __init__(self, size: int, operations: Operations) -> None:
        self._size = size
        self._buffers = [(operations.pinned(size), operations.passed()) for _ in range(BUFFERS)]
        self._turns = cycle(self._buffers)

    def copy(self, source: Tensor, target: Tensor) -> None:
        """`source` [N], on the CPU, into `target` [N], on the device: cast on the way, and not waited for."""
        at_once = self._size // target.dtype.itemsize
        for first in range(0, target.numel(), at_once):
            part = source[first : first + at_once]
            self._send(part, target[first : first + at_once])

    def finish(self) -> None:
        """Wait until all has arrived."""
        for _, passed in self._buffers:
            passed.synchronize()

    def _send(self, source: Tensor, target: Tensor) -> None:
        memory, passed = next(self._turns)
        passed.synchronize()  # what it held before has left it
        staged = _as(memory, target.dtype)[: len(source)]
        staged.copy_(source)
        target.copy_(staged, non_blocking=True)
        passed.record()


def _as(memory: Tensor, dtype: torch.dtype) -> Tensor:
    """Bytes as elements of a dtype; what is left over is left out."""
    return memory[: memory.numel() // dtype.itemsize * dtype.itemsize].view(dtype)
