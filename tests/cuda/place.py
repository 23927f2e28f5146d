"""Where these tests compute: on CUDA, or where CROSSLOOM_CUDA_TESTS_ON says, to try the tests themselves."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch

PLACE = torch.device(os.environ.get("CROSSLOOM_CUDA_TESTS_ON", "cuda"))
IS_CUDA = PLACE.type == "cuda"

needs_cuda = [
    pytest.mark.cuda,
    pytest.mark.skipif(IS_CUDA and not torch.cuda.is_available(), reason="there is no CUDA device"),
]
MODES: list[Any] = [False, "fast", "max"] if IS_CUDA else [False]
"""How models are compiled; of the CPU other tests try that."""
