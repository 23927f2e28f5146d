"""What well-formed text becomes: values by the core schema, and the place of each."""

import math

import pytest

from compiler.diagnostics.model import Span
from compiler.reader import Document, read_text


def value(text: str) -> object:
    document = read_text(f"x: {text}", "a.yaml")
    assert document.diagnostics == []
    return document.data["x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        ("-012", -12),
        ("+3", 3),
        ("0x1F", 31),
        ("0o17", 15),
        ("9223372036854775807", 2**63 - 1),
        ("1e-5", 1e-5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5E+3", -1500.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("!!str 5", "5"),
        ("! 5", 5),
        ("'𝄞 U+1D11E'", "𝄞 U+1D11E"),
        ("!!int 5", 5),
        ("!!float 5.0", 5.0),
    ],
)
def test_core_schema(text: str, expected: object) -> None:
    found = value(text)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "yes",
        "on",
        "off",
        "y",
        "1_000",
        "12:30:45",
        "2001-12-14",
        "0b11",
        "0x",
        "1e",
        "tRUE",
        "nUll",
        "=",
        ".",
    ],
)
def test_yaml_1_1_types_are_strings(text: str) -> None:
    assert value(text) == text


@pytest.mark.parametrize("text", ["12", "1e-5", "true", "null", "~", "0x1F", "<<"])
def test_quoted_scalars_are_strings(text: str) -> None:
    assert value(f"'{text}'") == text
    assert value(f'"{text}"') == text


def test_nan() -> None:
    found = value(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


TEXT = """\
# é comment
model:
  größe: {a: 日本, b: 'x y'}
  kernels: [5, 3]
  text: |
    one
    two

  empty:
base: &base {w: 1}
copy: *base
"""


@pytest.fixture
def document() -> Document:
    return read_text(TEXT, "a.yaml")


def shown(span: Span) -> str:
    lines = TEXT.split("\n")
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]
    first, last = lines[span.line - 1][span.column - 1 :], lines[span.end_line - 1][: span.end_column - 1]
    return "\n".join([first, *lines[span.line : span.end_line - 1], last])


def test_every_value_and_key_has_its_place(document: Document) -> None:
    assert document.data["model"] == {
        "größe": {"a": "日本", "b": "x y"},
        "kernels": [5, 3],
        "text": "one\ntwo\n",
        "empty": None,
    }
    assert {path: shown(span) for path, span in document.keys.items()} == {
        path: path[-1] for path in document.values if path and isinstance(path[-1], str)
    }
    texts = {path: shown(span) for path, span in document.values.items()}
    assert texts["model", "größe", "a"] == "日本"
    assert texts["model", "größe", "b"] == "'x y'"
    assert texts["model", "kernels"] == "[5, 3]"
    assert texts["model", "kernels", 1] == "3"
    assert texts["model", "text"] == "|\n    one\n    two"
    assert texts["model", "empty"] == ""
    assert texts["copy",] == "*base"
    assert texts["copy", "w"] == "1"
    assert texts["model",].startswith("größe: {a")
    assert texts["model",].endswith("two\n\n  empty:")
    assert document.values["model", "größe", "b"] == Span("a.yaml", 3, 21, 3, 26)


def test_absent_paths_are_located_by_what_encloses_them(document: Document) -> None:
    assert document.locate(("model", "kernels", 1)) == document.values["model", "kernels", 1]
    assert document.locate(("model", "größe", "c")) == document.keys["model", "größe"]
    assert document.locate(("nowhere",)) == Span("a.yaml", 1, 1, 1, 1)


def test_copies_of_an_anchor_are_independent(document: Document) -> None:
    document.data["copy"]["w"] = 2
    assert document.data["base"] == {"w": 1}


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_line_breaks_count_alike(line_break: str) -> None:
    document = read_text(line_break.join(["a: 1", "b: |", "  x", "c: 2", ""]), "a.yaml")
    assert document.data == {"a": 1, "b": "x\n", "c": 2}
    assert document.values["c",] == Span("a.yaml", 4, 4, 4, 5)
    assert document.values["b",] == Span("a.yaml", 2, 4, 3, 4)


def test_byte_order_mark_is_no_character() -> None:
    assert read_text("\ufeffa: 1", "a.yaml").keys["a",] == Span("a.yaml", 1, 1, 1, 2)
