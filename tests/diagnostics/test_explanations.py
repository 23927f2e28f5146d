"""Codes, pages, the table in docs/architecture.md and docs/diagnostics.md agree; examples hold."""

import re
from collections import Counter
from pathlib import Path

import pytest

from compiler.diagnostics import CrossloomError
from compiler.diagnostics.explain import codes, explain, reference, title
from compiler.reader import read_text
from tests.diagnostics.examples import EXPLANATIONS, Example, examples

DOCS = Path(__file__).parents[2] / "docs"
TABLE = dict(
    re.findall(r"^\| (XL\d{3}) \| (.+) \|$", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE)
)
READER_CODES = {"XL102", "XL106", "XL107", "XL108"}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert TABLE
    assert codes() == sorted(TABLE)
    assert {page.name for page in EXPLANATIONS.iterdir()} == {f"{code}.md" for code in TABLE}


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_page_says_what_why_and_how(code: str) -> None:
    page = explain(code)
    assert page.startswith(f"# {code}: ")
    # The table adds in parentheses what the finding shows.
    assert title(code) in (TABLE[code], TABLE[code].split(" (")[0])
    assert re.findall(r"^## .*$", page, re.MULTILINE) == ["## Why", "## Example"]
    assert "```" in page.partition("## Example")[2]
    assert page.count("```") % 2 == 0
    assert max(map(len, page.split("\n"))) <= 110


def test_an_error_is_shown_with_its_correction() -> None:
    kinds = Counter((example.code, example.is_error) for example in examples())
    for code in {code for code, is_error in kinds if is_error}:
        assert (kinds[code, True], kinds[code, False]) == (1, 1)


@pytest.mark.parametrize("example", examples(), ids=str)
def test_the_reader_finds_its_own_mistakes_and_no_others(example: Example) -> None:
    found = [finding.code for finding in read_text(example.text, "example.yaml").diagnostics]
    assert found == (example.expected if example.code in READER_CODES else [])


def test_the_reference_is_all_pages() -> None:
    assert (DOCS / "diagnostics.md").read_text("utf-8") == reference()


def test_explain_takes_any_case() -> None:
    assert explain("xl301") == explain("XL301")


@pytest.mark.parametrize("code", ["XL999", "XL30", "", "./XL101", "speech"])
def test_explain_refuses_what_is_no_code(code: str) -> None:
    with pytest.raises(CrossloomError) as raised:
        explain(code)
    assert [finding.code for finding in raised.value.diagnostics] == ["XL112"]


@pytest.mark.parametrize(
    ("code", "help"),
    [
        ("XL999", "did you mean XL901 or XL604 or "),
        ("xl399", "did you mean XL3"),
        ("302", "did you mean XL302 or XL301 or XL303?"),
        ("XL31", "did you mean XL301"),
        ("speech", "`crossloom explain` lists the codes"),
    ],
)
def test_what_may_have_been_meant(code: str, help: str) -> None:
    with pytest.raises(CrossloomError) as raised:
        explain(code)
    assert str(raised.value.diagnostics[0].help).startswith(help)
