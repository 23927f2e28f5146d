"""Pinned buffers by turns, on a device that copies late: as late as its queue is waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from compiler.weights.staging import BUFFERS, Staging


class Late:
    """A device whose queue runs when somebody waits for a place in it."""

    def __init__(self) -> None:
        self.queue: list[Callable[[], object]] = []
        self.done = 0
        self.sizes: list[int] = []

    def pinned(self, size: int) -> Tensor:
        self.sizes.append(size)
        return torch.full((size,), 255, dtype=torch.uint8)

    def passed(self) -> Place:
        return Place(self)

    def run(self, until: int) -> None:
        while self.done < until:
            self.queue[self.done]()
            self.done += 1


class Place:
    """A place in that queue."""

    def __init__(self, device: Late) -> None:
        self._device = device
        self._until = 0

    def record(self) -> None:
        self._until = len(self._device.queue)

    def synchronize(self) -> None:
        self._device.run(self._until)


class Target:
    """Memory of that device."""

    def __init__(self, device: Late, memory: Tensor) -> None:
        self._device = device
        self.memory = memory
        self.dtype = memory.dtype

    def numel(self) -> int:
        return self.memory.numel()

    def __getitem__(self, part: slice) -> Target:
        return Target(self._device, self.memory[part])

    def copy_(self, source: Tensor, non_blocking: bool = False) -> None:
        assert non_blocking
        assert source.dtype == self.dtype, "a cast would be waited for"
        self._device.queue.append(lambda: self.memory.copy_(source))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [4, 10, 64, 4096])
def test_all_arrives_cast_and_in_order(dtype: torch.dtype, size: int) -> None:
    device = Late()
    staging = Staging(size, device)
    sources = [torch.randn(count, generator=torch.Generator().manual_seed(count)) for count in (1, 0, 33, 8)]
    targets: list[Any] = [Target(device, torch.zeros(len(one), dtype=dtype)) for one in sources]
    for source, target in zip(sources, targets, strict=True):
        staging.copy(source, target)
    staging.finish()
    for source, target in zip(sources, targets, strict=True):
        assert torch.equal(target.memory, source.to(dtype))


def test_one_buffer_is_filled_while_the_other_is_on_its_way() -> None:
    device = Late()
    staging = Staging(8, device)
    target: Any = Target(device, torch.zeros(6))
    staging.copy(torch.arange(6.0), target)
    assert device.sizes == [8] * BUFFERS
    assert device.done == 1, "only what had to leave a buffer before it was filled again"
    assert target.memory.tolist() == [0, 1, 0, 0, 0, 0]
