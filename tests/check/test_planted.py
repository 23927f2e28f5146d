"""Every mistake of a spec: one finding, with its code, at its token, and a help that repairs it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from compiler.analysis import analyse
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.reader import read_text
from tests.check import (
    planted_bridges,
    planted_graphs,
    planted_halves,
    planted_images,
    planted_language,
    planted_pairs,
    planted_parts,
    planted_texts,
)
from tests.check.planted import GRAPH, HALVES, Planted
from tests.cli.runner import crossloom

CASES = [
    *planted_language.CASES,
    *planted_graphs.CASES,
    *planted_halves.CASES,
    *planted_pairs.CASES,
    *planted_parts.CASES,
    *planted_bridges.CASES,
    *planted_images.CASES,
    *planted_texts.CASES,
]


def errors(text: str, severity: Severity = Severity.ERROR) -> list[Diagnostic]:
    findings = analyse(read_text(text, "spec.yaml")).diagnostics
    return [finding for finding in findings if finding.severity is severity]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_mistake_is_one_finding_at_its_token(case: Planted) -> None:
    assert [finding.code for finding in errors(case.text)] == [case.code]
    (finding,) = errors(case.text)
    spans = [(span.line, span.column, span.end_line, span.end_column) for span in finding.spans]
    assert spans == case.places
    assert finding.message
    assert finding.help


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_help_says_the_repair_and_the_repair_is_clean(case: Planted) -> None:
    (finding,) = errors(case.text)
    assert case.says in (finding.help or "")
    if case.repaired is not None:
        assert [left.message for left in errors(case.repaired)] == []


@pytest.mark.parametrize("case", [*planted_bridges.WARNINGS, *planted_images.WARNINGS], ids=str)
def test_a_doubt_is_one_warning_at_its_token(case: Planted) -> None:
    assert errors(case.text) == []
    (finding,) = errors(case.text, Severity.WARNING)
    spans = [(span.line, span.column, span.end_line, span.end_column) for span in finding.spans]
    assert (finding.code, spans) == (case.code, case.places)
    assert case.says in (finding.help or "")
    assert case.repaired is not None
    assert errors(case.repaired, Severity.WARNING) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.code == "XL101"], ids=str)
def test_a_near_name_comes_with_a_fix(case: Planted) -> None:
    (finding,) = errors(case.text)
    if "did you mean" not in (finding.help or ""):
        assert finding.fix is None
        return
    assert finding.fix is not None
    (edit,) = finding.fix.edits
    assert (edit.span.line, edit.span.column) == case.places[0][:2]
    assert edit.text == case.right


def test_the_graph_the_mistakes_are_planted_in_is_sound() -> None:
    assert errors(GRAPH) == errors(HALVES) == []


def test_all_in_one_run(tmp_path: Path) -> None:
    """A folder of all of them: every code, every file, exit code 1."""
    for index, case in enumerate(CASES):
        (tmp_path / f"{index:03}.yaml").write_text(case.text, encoding="utf-8")
    result = crossloom("check", str(tmp_path), "--format", "json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)["diagnostics"]
    listed = [
        (Path(one["spans"][0]["file"]).stem, one["code"]) for one in found if one["severity"] == "error"
    ]
    assert Counter(listed) == Counter((f"{index:03}", case.code) for index, case in enumerate(CASES))


@pytest.mark.parametrize("name", ["heads", "near", "typo"])
def test_one_mistake_alone_is_exit_code_one(tmp_path: Path, name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    spec = tmp_path / "spec.yaml"
    spec.write_text(case.text, encoding="utf-8")
    result = crossloom("check", str(spec))
    line, column = case.places[0][:2]
    assert result.exit_code == 1
    assert f"error[{case.code}]" in result.stdout
    assert f"spec.yaml:{line}:{column}" in result.stdout
    assert "help: " in result.stdout


def test_aliases_that_explode_hide_no_other_mistake() -> None:
    case = next(case for case in CASES if case.code == "XL107")
    spoilt = case.text.replace(
        "model: {family: speech_to_text}", "model: {family: speech_to_text, wieghts: a}"
    )
    assert spoilt != case.text
    assert {finding.code for finding in errors(spoilt)} == {"XL101", "XL107"}
