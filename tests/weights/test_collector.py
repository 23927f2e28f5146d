"""Loading does not wait for the garbage collector, and leaves it as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import crossloom
from compiler import build
from compiler import load as loading
from tests.parity.cases import save


@pytest.fixture
def sweeps() -> Iterator[list[str]]:
    """A collector that sweeps at every object, and what it began and ended."""
    seen: list[str] = []

    def see(phase: str, _: dict[str, int]) -> None:
        seen.append(phase)

    before = gc.get_threshold()
    gc.callbacks.append(see)
    gc.set_threshold(1)
    yield seen
    gc.set_threshold(*before)
    gc.callbacks.remove(see)


def test_no_sweep_while_modules_are_made(
    tmp_path: Path, sweeps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(0, tmp_path)
    counts: list[int] = []
    original: Any = build.skeleton

    def counted(*args: Any) -> Any:
        before = len(sweeps)
        made = original(*args)
        counts.append(len(sweeps) - before)
        return made

    monkeypatch.setattr(loading, "skeleton", counted)
    crossloom.from_pretrained(folder)
    assert counts == [0]
    assert gc.isenabled()


def test_a_load_that_fails_gives_the_collector_back(tmp_path: Path) -> None:
    folder = save(0, tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(crossloom.CrossloomError):
        crossloom.from_pretrained(folder)
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off(tmp_path: Path) -> None:
    folder = save(0, tmp_path)
    gc.disable()
    try:
        crossloom.from_pretrained(folder)
        assert not gc.isenabled()
    finally:
        gc.enable()
