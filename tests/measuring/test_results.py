"""What is calculated from samples, and that files keep it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.results import comparisons, read_results, write_results
from benchmarks.tables import fastest
from tests.measuring.recorded import decoding, measured, result


def test_ratios_are_of_minima_and_of_medians() -> None:
    ours, anchor = measured("eager", True, 1.0, 2.0, 4.0), measured("transformers", False, 4.0, 5.0, 9.0)
    (one,) = comparisons(result(ours, anchor))
    assert one.ratios == (4.0, 2.5)


def test_times_are_for_one_piece_of_work() -> None:
    ours, anchor = (
        measured("", True, 1.0, 2.0, pieces=10),
        measured("build", False, 4.0, 8.0, pieces=2),
    )
    (one,) = comparisons(result(ours, anchor, limit=0.05))
    assert (one.ours.minimum, one.ours.median) == pytest.approx((0.1, 0.15))
    assert one.ratios == pytest.approx((20.0, 20.0))
    assert one.fraction == pytest.approx(0.5)


def test_a_round_is_disturbed_on_either_side() -> None:
    ours, anchor = measured("eager", True, 1.0, 1.16, 1.0), measured("transformers", False, 1.14, 1.0, 1.2)
    (one,) = comparisons(result(ours, anchor))
    assert one.contaminated == [1, 2]


def test_every_mode_is_beside_every_anchor() -> None:
    sides = [measured(label, label not in ("a", "b"), 1.0) for label in ("eager", "max", "a", "b")]
    pairs = [(one.ours.label, one.anchor and one.anchor.label) for one in comparisons(result(*sides))]
    assert pairs == [("eager", "a"), ("max", "a"), ("eager", "b"), ("max", "b")]


def test_a_side_alone_has_no_ratio() -> None:
    (one,) = comparisons(result(measured("", True, 1.0)))
    assert (one.anchor, one.ratios, one.memory) == (None, None, None)


def test_memory_is_a_share_of_the_anchors() -> None:
    shares = {one.ours.label: one.memory for one in comparisons(decoding())}
    assert shares == pytest.approx({"eager": 0.6, "fast": 0.69, "max": 0.9})


def test_the_fastest_is_told_by_its_median_beside_the_anchor_of_its_dtype() -> None:
    first, second = measured("a", False, 3.0), measured("b", False, 9.0)
    chosen = fastest(
        result(measured("eager", True, 1.0, 5.0, 5.0), measured("max", True, 2.0), first, second)
    )
    assert (chosen.ours.label, chosen.anchor) == ("max", second)


def test_results_survive_their_file(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert read_results(file) == {}
    results = {"a": decoding(), "b": result(measured("", True, 1.0))}
    write_results(file, results)
    assert read_results(file) == results
