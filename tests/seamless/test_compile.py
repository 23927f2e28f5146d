"""Compiled methods: no graph break, no more compilations than buckets, and what is computed eagerly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from runtime.flows import Host, execute
from runtime.flows.buckets import bucket
from tests.build.test_compile import Counter
from tests.parity.cases import difference
from tests.seamless.live import live
from tests.seamless.oracle import speech_batch, text_batch
from tests.seamless.settings import SEEDS

METHODS = ("predict_durations", "decode_units", "predict_unit_durations", "vocode")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Every test begins with nothing compiled."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()
