"""What is made of samples; nothing here depends on how long anything takes."""

from __future__ import annotations

import sys

import pytest

from runtime.measuring import Sample, Series, interleave, spawned, timed


def test_sides_are_sampled_in_turn() -> None:
    order: list[str] = []

    def side(name: str) -> Sample:
        order.append(name)
        return Sample(1.0, 1.0)

    series = interleave([lambda: side("a"), lambda: side("b")], rounds=3)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert [len(one.samples) for one in series] == [3, 3]


def test_rounds_with_more_processor_time_than_the_quietest_are_told() -> None:
    series = Series([Sample(3.0, 1.16), Sample(1.0, 1.0), Sample(2.0, 1.14), Sample(9.0, 2.0)])
    assert series.contaminated == [0, 3]
    assert (series.minimum, series.median) == (1.0, 2.5)
    assert series.peak_bytes is None


def test_short_work_is_repeated_and_shown_for_one() -> None:
    calls: list[None] = []
    sample = timed(lambda: calls.append(None))()
    assert len(calls) > 1000
    assert sample.seconds < 0.05


def test_a_process_is_measured_by_itself() -> None:
    """Its peak is its own: this one, which holds torch, is much larger."""
    sample = spawned([sys.executable, "-S", "-c", ""])()
    assert sample.peak_bytes is not None
    assert 1e6 < sample.peak_bytes < 60e6


def test_a_process_that_fails_is_no_sample() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        spawned([sys.executable, "-S", "-c", "raise SystemExit(3)"])()
