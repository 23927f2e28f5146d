"""A file in memory: mapped and not read. Its pages come when they are looked at, and are given back."""

from __future__ import annotations

import math
import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class MappedFile:
    """Bytes of a file as tensors that share its pages, copy on write unless another access is asked for.

    `number` is that of the open file, which may be closed afterwards.
    """

    def __init__(self, number: int, access: int = mmap.ACCESS_COPY) -> None:
        self._memory = mmap.mmap(number, 0, access=access)

    def tensor(self, start: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The row-major tensor that begins at a byte; a copy where its elements are not aligned."""
        import torch

        count = math.prod(shape)
        if not count:
            return torch.empty(shape, dtype=dtype)
        if start % dtype.itemsize:
            size = count * dtype.itemsize
            raw = torch.frombuffer(self._memory, dtype=torch.uint8, count=size, offset=start)
            return raw.clone().view(dtype).view(shape)
        return torch.frombuffer(self._memory, dtype=dtype, count=count, offset=start).view(shape)

    def give_back(self, start: int, stop: int) -> None:
        """Let the system have the pages of a range again. What was written to them is lost, the file is not.

        A page that reaches beyond the range is read from the file once more when its other bytes are.
        """
        if hasattr(mmap, "MADV_DONTNEED"):
            first = start - start % mmap.PAGESIZE
            self._memory.madvise(mmap.MADV_DONTNEED, first, stop - first)
