"""Results become tables, goals, a chart, and text between markers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from benchmarks import report
from benchmarks.chart import COLOURS, chart
from benchmarks.goals import GOALS, Goal, figure, goals_table, is_reached
from benchmarks.report import fill, rendered
from benchmarks.rows import rows
from benchmarks.tables import markdown_table, seconds, summary_table, text_table
from tests.measuring.recorded import decoding, measured, result

GREEDY = next(goal for goal in GOALS if (goal.row, goal.measure) == ("greedy", "faster"))


def test_tables_show_what_was_measured() -> None:
    for table in (text_table({"a": decoding()}), markdown_table({"a": decoding()})):
        for shown in ("decode <fast>", "2 s", "10 s", "4x", "75%", "0.2%", "1 / 1"):
            assert shown in table
    lines = markdown_table({"a": decoding()}).splitlines()
    assert len({line.count("|") for line in lines[:5]}) == 1


def test_a_pipe_in_a_title_divides_no_column() -> None:
    lines = markdown_table({"a": replace(decoding(), title="a | b")}).splitlines()
    assert "a \\| b" in lines[2]


def test_a_summary_shows_the_fastest_and_nothing_that_stands_alone() -> None:
    table = summary_table({"a": decoding(), "b": result(measured("", True, 1.0), title="alone")})
    assert [line.split(" | ")[1:5] for line in table.splitlines()[2:3]] == [["max", "2.5 s", "10 s", "4x"]]
    assert "alone" not in table


def test_seconds_have_three_figures() -> None:
    assert [seconds(value) for value in (1.234, 0.0456, 7.89e-4)] == ["1.23 s", "45.6 ms", "789 µs"]


def test_every_goal_is_of_a_row_that_is_measured() -> None:
    labels = {name: {side.label for side in row.sides if side.is_ours} for name, row in rows().items()}
    assert [goal.what for goal in GOALS if not labels[goal.row] & set(goal.modes)] == []


def test_of_several_modes_the_best_counts() -> None:
    assert figure(GREEDY, decoding()) == (4.0, "max")
    assert figure(replace(GREEDY, modes=("eager",)), decoding()) == (2.0, "eager")


def test_of_every_mode_the_worst_counts_and_none_may_be_missing() -> None:
    memory = Goal("memory", "greedy", "memory", 0.7, 0.7, ("eager", "fast"), every=True)
    assert figure(memory, decoding()) == (0.69, "fast")
    assert figure(replace(memory, modes=("eager", "other")), decoding()) is None


def test_a_bound_is_reached_from_its_side() -> None:
    least, most = GREEDY, replace(GREEDY, measure="seconds")
    assert [is_reached(least, value, 5) for value in (4.9, 5.0, 5.1)] == [False, True, True]
    assert [is_reached(most, value, 5) for value in (4.9, 5.0, 5.1)] == [True, True, False]


def test_goals_say_what_is_reached() -> None:
    lines = {line.split(" | ")[0]: line for line in goals_table({"greedy": decoding()}).splitlines()}
    assert lines["| greedy, batch 1"].endswith("| >= 5x | >= 5x | 4x | max | **not reached** |")
    share = lines["| greedy, batch 1, share of the limit"]
    assert share.endswith("| >= 70% | >= 80% | 75% | max | reached, not the aim |")
    assert lines["| memory while decoding, eager and fast"].endswith("| 69% | fast | reached |")
    assert lines["| emit one spec"].endswith("| – | – | not measured |")


def test_a_document_is_filled_between_its_markers() -> None:
    document = (
        "before\n<!-- benchmarks:goals -->\nold\n<!-- benchmarks:end -->\nbetween\n"
        "<!-- benchmarks:table -->\n<!-- benchmarks:end -->\nafter\n"
    )
    filled = fill(document, {"goals": "new\n", "table": r"\1 new" + "\n"})
    assert filled == (
        "before\n<!-- benchmarks:goals -->\nnew\n<!-- benchmarks:end -->\nbetween\n"
        "<!-- benchmarks:table -->\n\\1 new\n<!-- benchmarks:end -->\nafter\n"
    )
    assert fill(filled, {"goals": "new\n", "table": r"\1 new" + "\n"}) == filled


@pytest.mark.parametrize(
    ("document", "message"),
    [("none", "no marker"), ("<!-- benchmarks:other -->\n<!-- benchmarks:end -->", "'other'")],
)
def test_a_document_that_asks_for_nothing_known_is_refused(document: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fill(document, {"goals": ""})


def test_the_chart_has_a_bar_for_every_mode_beside_the_first_anchor() -> None:
    slower = result(measured("", True, 4.0), measured("build", False, 1.0), title="slower")
    alone = result(measured("", True, 1.0), title="alone")
    root = ElementTree.fromstring(chart({"a": decoding(), "b": slower, "c": alone}))
    bars = [element for element in root.iter() if element.get("class") == "bar"]
    assert [bar.get("fill") for bar in bars] == [COLOURS[label] for label in ("eager", "fast", "max", "")]
    one = next(element for element in root.iter() if element.get("class") == "one").get("x1")
    assert one is not None
    begins = [float(bar.get("x", "")) for bar in bars]
    assert begins[:3] == [pytest.approx(float(one), abs=0.1)] * 3
    assert begins[3] + float(bars[3].get("width", "")) == pytest.approx(float(one), abs=0.2)
    texts = {element.text for element in root.iter()}
    assert {"decode <fast>", "4x", "0.25x", "slower"} <= texts
    assert "alone" not in texts


def test_documents_and_charts_are_made_of_the_recorded_runs() -> None:
    """`python -m benchmarks.report` writes them."""
    assert [file.name for file, text in rendered().items() if file.read_text(encoding="utf-8") != text] == []


def test_a_forgotten_report_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown, old = tmp_path / "page.md", tmp_path / "chart.svg"
    shown.write_text("<!-- benchmarks:goals -->\n<!-- benchmarks:end -->\n", encoding="utf-8")
    old.write_text("old", encoding="utf-8")
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "rendered", lambda: {shown: shown.read_text(encoding="utf-8"), old: "new"})
    checked = CliRunner().invoke(report.main, ["--check"])
    assert (checked.exit_code, checked.output) == (1, "differs: chart.svg\n")
    assert CliRunner().invoke(report.main, []).output == "written: chart.svg\n"
    assert old.read_text(encoding="utf-8") == "new"
    assert CliRunner().invoke(report.main, ["--check"]).exit_code == 0
