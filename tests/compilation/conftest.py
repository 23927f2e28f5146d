"""What tests of packages share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """No C++ compiler can be found."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", os.devnull)
