"""What the machine can do at best, measured in the run that is held against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn.functional import linear

from runtime.measuring.samples import measured

_READ_BYTES = 256 << 20
"""Well beyond any cache."""
_MATRIX = 1536
_ROUNDS = 7


class Peaks(NamedTuple):
    """Memory read, in bytes a second, and matrix multiplication by dtype, in operations a second."""

    bandwidth: float
    operations: float
    operations_bfloat16: float


def measure_peaks() -> Peaks:
    """The best of several rounds of a sum over a large array, and of a square matrix product.

    Uses as many threads as torch does.
    """
    with torch.inference_mode():
        large = torch.ones(_READ_BYTES // 4)
        read = min(measured(large.sum).seconds for _ in range(_ROUNDS))
        return Peaks(_READ_BYTES / read, _products(torch.float32), _products(torch.bfloat16))


def _products(dtype: torch.dtype) -> float:
    """The faster of two libraries: the one that `@` chooses, and for float32 oneDNN in its own layout."""
    square = torch.rand(_MATRIX, _MATRIX).to(dtype)
    ways: list[Callable[[], object]] = [lambda: square @ square]
    if dtype is torch.float32 and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        packed = square.to_mkldnn()
        ways.append(lambda: linear(packed, packed))
    multiply = min(measured(way).seconds for way in ways for _ in range(_ROUNDS))
    return 2 * _MATRIX**3 / multiply
