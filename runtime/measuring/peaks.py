"""What the machine can do at best, measured in the run that is held against it."""

from __future__ import annotations

from typing import NamedTuple

import torch

from runtime.measuring.samples import measured

_READ_BYTES = 256 << 20
"""Well beyond any cache."""
_MATRIX = 1536
_ROUNDS = 7


class Peaks(NamedTuple):
    """Memory read, in bytes a second, and float32 matrix multiplication, in operations a second."""

    bandwidth: float
    operations: float


def measure_peaks() -> Peaks:
    """The best of several rounds of a sum over a large array, and of a square matrix product.

    Uses as many threads as torch does.
    """
    with torch.inference_mode():
        large = torch.ones(_READ_BYTES // 4)
        read = min(measured(large.sum).seconds for _ in range(_ROUNDS))
        square = torch.rand(_MATRIX, _MATRIX)
        multiply = min(measured(lambda: square @ square).seconds for _ in range(_ROUNDS))
    return Peaks(_READ_BYTES / read, 2 * _MATRIX**3 / multiply)
