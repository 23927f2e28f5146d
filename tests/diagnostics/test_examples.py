"""The examples of all explanations, checked whole: one finding with the page's code, or none."""

import pytest

from compiler.analysis import analyse
from compiler.reader import read_text
from tests.diagnostics.examples import Example, examples


@pytest.mark.parametrize("example", examples(), ids=str)
def test_an_example_has_the_finding_it_shows(example: Example) -> None:
    findings = analyse(read_text(example.text, "example.yaml")).diagnostics
    assert [finding.code for finding in findings] == example.expected
    assert all(finding.spans for finding in findings)
