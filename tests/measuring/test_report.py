"""Results become tables, a chart, and text between markers."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.chart import chart
from benchmarks.report import BEGIN, END, fill, markdown_table, seconds, text_table
from benchmarks.results import Result, read_results, result_of, write_results
from benchmarks.rows import Row
from runtime.measuring import Peaks, Sample, Series

PEAKS = Peaks(50e9, 200e9)


def _series(*times: float, peak: int | None = None) -> Series:
    return Series([Sample(time, time, peak) for time in times])


def _result(title: str = "decode <fast>") -> Result:
    row = Row(title, lambda: Sample(1, 1), lambda: Sample(1, 1), count=10, limit=0.05)
    return result_of(row, [_series(1.0, 2.0, 3.0, peak=10**6), _series(4.0, 5.0, 9.0, peak=2 * 10**6)], PEAKS)


def test_times_are_for_one_piece_of_work() -> None:
    result = _result()
    assert result.ours == (0.1, 0.2)
    assert result.anchor == (4.0, 5.0)
    assert result.ratios == (40.0, 25.0)
    assert result.fraction == pytest.approx(0.5)
    assert result.contaminated == 2
    assert result.peak_bytes == (10**6, 2 * 10**6)


def test_results_survive_their_file(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert read_results(file) == {}
    results = {"a": _result(), "b": result_of(Row("b", lambda: Sample(1, 1)), [_series(1.0)], PEAKS)}
    write_results(file, results)
    stored = read_results(file)
    assert text_table(stored) == text_table(results)
    assert stored["b"].ratios is None


def test_tables_show_what_was_measured() -> None:
    text, table = text_table({"a": _result()}), markdown_table({"a": _result()})
    for shown in ("decode <fast>", "100 ms", "40x", "50%", "1 / 2", "2 of 3", "50.0 to 50.0 GB/s"):
        assert shown in text
        assert shown in table
    assert len({line.count("|") for line in table.splitlines()[:3]}) == 1


def test_a_document_is_filled_between_its_markers() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    filled = fill(document, "new\n")
    assert filled == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert fill(filled, "new\n") == filled
    with pytest.raises(ValueError, match="lacks"):
        fill("no markers", "new\n")


def test_the_chart_is_drawn_for_rows_with_two_sides() -> None:
    results = {"a": _result(), "b": result_of(Row("alone", lambda: Sample(1, 1)), [_series(1.0)], PEAKS)}
    root = ElementTree.fromstring(chart(results))
    bars = [element for element in root.iter() if element.get("class") == "bar"]
    assert len(bars) == 1
    assert "decode <fast>" in {element.text for element in root.iter()}


def test_seconds_have_three_figures() -> None:
    assert [seconds(value) for value in (1.234, 0.0456, 7.89e-4)] == ["1.23 s", "45.6 ms", "789 µs"]
