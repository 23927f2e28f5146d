"""Rows are data: what they name is there, and takes what they give it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from benchmarks.axes import AXES
from benchmarks.checkpoints import WRITERS
from benchmarks.inputs import make
from benchmarks.rows import MODES, Row, Side, rows
from crossloom.cli.bench import command as bench

ROWS = [*rows().values(), *(axis.point(axis.values[0]) for axis in AXES)]


def sides(row: Row) -> Iterator[Side]:
    yield from row.sides
    if row.limit is not None:
        yield row.limit


def names(value: Any) -> Iterator[str]:
    """Every checkpoint that options name."""
    for text in json.dumps(value).split('"'):
        if text.startswith("@"):
            yield text[1:].partition("/")[0].partition(":")[0]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_names_functions_that_take_its_options(row: Row) -> None:
    for side in sides(row):
        function = getattr(import_module(f"benchmarks.sides.{side.module}"), side.task)
        inspect.signature(function).bind(**side.options)
        assert set(names(side.options)) <= WRITERS.keys()
        json.dumps(side.options)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_sides_of_a_row_are_told_apart(row: Row) -> None:
    labels = [side.label for side in row.sides]
    assert len(set(labels)) == len(labels)
    assert any(side.is_ours for side in row.sides)
    assert not row.is_rounded or sum(not side.is_ours for side in row.sides) == 2


def test_both_sides_are_given_the_same() -> None:
    """Whatever the two sides of a row share, they share in value."""
    for row in ROWS:
        for name in ("given", "options", "labels", "probe", "audio"):
            given = [side.options[name] for side in row.sides if name in side.options]
            assert all(one == given[0] for one in given), (row.name, name)


def test_inputs_are_the_same_every_time() -> None:
    for kind, length in (("features", 40), ("waveform", 100), ("image", 8), ("text", 5)):
        first, second = (make(kind, batch=2, length=length) for _ in range(2))
        assert all(first[name].equal(second[name]) for name in first)
    mask = make("features", batch=4, length=64)["attention_mask"]
    assert mask.sum(1).tolist() == [64, 60, 56, 52]


def test_the_command_offers_every_mode() -> None:
    option = next(one for one in bench.params if one.name == "modes")
    assert list(option.type.choices) == list(MODES)  # type: ignore[attr-defined]
