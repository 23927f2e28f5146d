"""A pretended device for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.accelerator.pretended import Device, pretended


@pytest.fixture
def device() -> Iterator[Device]:
    """A device, for as long as the test runs."""
    with pretended() as one:
        yield one
