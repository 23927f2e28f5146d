"""Computed buffers that are kept for the next load: what is computed, and never shared to be written to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from compiler import computed_buffers
from compiler.computed_buffers import _Kept
from tests.parity.cases import save

Computed = list[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of a model with two tables of sinusoids."""
    return save(0, tmp_path)


@pytest.fixture
def computed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Computed:
    """The blocks that compute their buffers, as they do it; nothing is kept yet."""
    blocks: Computed = []
    table: Any = type(crossloom.from_pretrained(folder).encoder.positions.table)
    base = next(one for one in table.__mro__ if "reset_buffers" in vars(one))
    compute = base.reset_buffers

    def counted(block: Any) -> None:
        blocks.append(type(block).__name__)
        compute(block)

    monkeypatch.setattr(base, "reset_buffers", counted)
    monkeypatch.setattr(computed_buffers, "_KEPT", _Kept())
    return blocks


def tables(model: Any) -> dict[str, Tensor]:
    """Its buffers, by address."""
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


def load(folder: Path) -> Any:
    """The model of a checkpoint."""
    return crossloom.from_pretrained(folder)


def test_the_third_load_computes_nothing_and_has_the_same(folder: Path, computed: Computed) -> None:
    first, second = tables(load(folder)), tables(load(folder))
    assert len(first) == 2
    assert len(computed) == 4
    third = tables(load(folder))
    assert len(computed) == 4
    assert first.keys() == second.keys() == third.keys()
    assert all(torch.equal(first[name], third[name]) for name in first)


def test_what_a_model_writes_to_its_buffers_is_its_own(folder: Path, computed: Computed) -> None:
    expected = tables(load(folder))
    load(folder)
    written, beside = load(folder), load(folder)
    for buffer in written.buffers():
        buffer.fill_(7.0)
    for model in (beside, load(folder)):
        assert all(torch.equal(expected[name], buffer) for name, buffer in tables(model).items())
    assert len(computed) == 4


def test_the_default_dtype_is_part_of_what_is_kept(folder: Path, computed: Computed) -> None:
    for _ in range(2):
        load(folder)
    torch.set_default_dtype(torch.float64)
    try:
        load(folder)
    finally:
        torch.set_default_dtype(torch.float32)
    assert len(computed) == 6


def test_the_source_that_was_loaded_least_lately_is_given_up(
    folder: Path, computed: Computed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = save(1, tmp_path / "other")
    sizes = [sum(buffer.nbytes for buffer in load(one).buffers()) for one in (folder, other)]
    monkeypatch.setattr(computed_buffers, "MOST_BYTES", sum(sizes) - 1)
    load(folder)
    load(folder)
    assert len(computed) == 4
    load(other)
    load(folder)
    assert len(computed) == 6


def test_what_is_more_than_may_be_kept_displaces_nothing(
    folder: Path, computed: Computed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = save(1, tmp_path / "other")
    size = sum(buffer.nbytes for buffer in load(other).buffers())
    monkeypatch.setattr(computed_buffers, "MOST_BYTES", size - 1)
    for one in (folder, folder, other, other, folder):
        load(one)
    assert len(computed) == 4


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the system has no files in memory")
def test_without_room_for_it_everything_is_computed(
    folder: Path, computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)
    models = [load(folder) for _ in range(3)]
    assert len(computed) == 6
    assert torch.equal(models[0].encoder.positions.table.table, models[2].encoder.positions.table.table)
