"""Curves, what one more costs, and their picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.axes import AXES, curves, growth_text
from benchmarks.growth_chart import growth_chart, ticks
from benchmarks.results import Result
from tests.measuring.recorded import measured, result


def recorded() -> dict[str, Result]:
    """Linear beside what grows with the square; the last point, in seconds, of ten."""
    return {
        f"length/{value}": result(
            measured("eager", True, 0.5 + value * 0.001),
            measured("transformers", False, value**2 * 1e-5),
        )
        for value in (100, 200, 500, 1000)
    }


def test_curves_are_medians_in_order() -> None:
    found = curves(recorded())
    assert list(found) == ["length"]
    assert found["length"]["eager"] == [(value, 0.5 + value * 0.001) for value in (100, 200, 500, 1000)]


def test_what_one_more_costs_is_told_for_both_ends() -> None:
    assert growth_text(recorded()) == (
        "- greedy, batch 1, by target length: one more token costs, from 100 to 200 and from 500 to 1,000, "
        "eager 1 and 1 ms; transformers 3 and 15 ms\n"
    )


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (8.0, [0, 2, 4, 6, 8]),
        (1000, [0, 250, 500, 750, 1000]),
        (9.9, [0, 2.5, 5, 7.5]),
        (32, [0, 10, 20, 30]),
    ],
)
def test_ticks_are_round_and_inside(most: float, expected: list[float]) -> None:
    assert ticks(most) == pytest.approx(expected)


def test_a_line_in_proportion_is_straight_and_ends_in_the_corner() -> None:
    straight = {f"length/{n}": result(measured("eager", True, n * 2.0)) for n in (100, 200, 1000)}
    root = ElementTree.fromstring(growth_chart(straight))
    (line,) = (element for element in root.iter() if element.get("class") == "line")
    points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
    slopes = [(y - points[0][1]) / (x - points[0][0]) for x, y in points[1:]]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-2)
    assert points[-1] == (416.0, 34.0)


def test_every_axis_has_a_panel_and_every_side_a_line() -> None:
    points = {
        f"{axis.name}/{value}": result(
            measured("eager", True, value), measured("transformers", False, value * 2.0)
        )
        for axis in AXES
        for value in axis.values
    }
    root = ElementTree.fromstring(growth_chart(points))
    assert len([element for element in root.iter() if element.get("class") == "line"]) == 2 * len(AXES)
    texts = {element.text for element in root.iter()}
    assert {axis.title for axis in AXES} <= texts
    assert {"eager", "transformers"} <= texts
