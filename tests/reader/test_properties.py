"""hypothesis: no input ends in a traceback, and known data comes back with known places."""

import json
import sys
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.reader import Document, read_bytes, read_text

COMPOSER = sys.modules["compiler.reader.composer"]


@pytest.fixture(params=["CBaseLoader", "BaseLoader"], autouse=True, scope="module")
def _parser(request: pytest.FixtureRequest) -> Any:
    """Run every property with libyaml and with PyYAML's own parser."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(COMPOSER, "LOADER", getattr(yaml, request.param))
        yield


def assert_sound(document: Document) -> None:
    """Either data or an error; every finding located inside the text; every value placed."""
    assert document.data is not None or document.diagnostics
    lines = document.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for finding in document.diagnostics:
        assert finding.code in {"XL101", "XL102", "XL103", "XL104", "XL106", "XL107", "XL108"}
        for span in finding.spans:
            assert span.file == "f"
            assert 1 <= span.line <= span.end_line <= len(lines)
            assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    if document.data is not None:
        assert {path for path, _ in walk(document.data)} == set(document.values)
    json.dumps(document.data)


def walk(data: Any, path: tuple[str | int, ...] = ()) -> Any:
    yield path, data
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in children:
        yield from walk(value, (*path, key))


@given(st.binary())
def test_arbitrary_bytes(data: bytes) -> None:
    assert_sound(read_bytes(data, "f"))


@given(st.text(st.characters(exclude_categories=())))
def test_arbitrary_text(text: str) -> None:
    assert_sound(read_text(text, "f"))


YAML_PIECES = [
    "a",
    "b",
    ": ",
    ":",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&x ",
    "*x",
    "!!int ",
    "!y ",
    "'",
    '"',
]
YAML_PIECES += [
    "|",
    ">",
    "#",
    "---\n",
    "...\n",
    "? ",
    "<<: ",
    "1",
    "1e9",
    "~",
    "\t",
    "\\",
    "%",
    "@",
    "\r",
    "\x85",
    "\0",
]


@example("? ? ")  # libyaml ends this on a line that does not exist
@given(st.lists(st.sampled_from(YAML_PIECES), max_size=40).map("".join))
def test_text_made_of_yaml_pieces(text: str) -> None:
    assert_sound(read_text(text, "f"))


# JSON escapes what lies beyond U+FFFF in two halves, which YAML does not join.
KEYS = st.text(st.characters(categories=["L", "N"], max_codepoint=0xFFFF), min_size=1, max_size=8).filter(
    lambda key: key != "<<"
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF, exclude_characters="\0"), max_size=12
    )
)
DATA = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=12,
    ),
    min_size=1,
    max_size=5,
)


@given(DATA)
def test_known_data_comes_back(data: dict[str, Any]) -> None:
    """JSON is YAML, so its writer is an independent source of text with a known meaning."""
    document = read_text(json.dumps(data), "f")
    assert document.diagnostics == []
    assert document.data == data
    assert_sound(document)


@given(DATA)
def test_block_style_places_every_scalar(data: dict[str, Any]) -> None:
    """Block style written here, one scalar a line: the place of each is known without a parser."""
    lines: list[str] = []
    places: dict[tuple[str | int, ...], tuple[int, int, int]] = {}

    def write(value: Any, indent: int, path: tuple[str | int, ...]) -> None:
        children = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in children:
            lead = " " * indent + (f"{json.dumps(key)}:" if isinstance(key, str) else "-")
            if isinstance(child, dict | list) and child:
                lines.append(lead)
                write(child, indent + 2, (*path, key))
            else:
                text = json.dumps(child)
                places[*path, key] = (len(lines) + 1, len(lead) + 2, len(lead) + 2 + len(text))
                lines.append(f"{lead} {text}")

    write(data, 0, ())
    document = read_text("\n".join(lines), "f")
    assert document.diagnostics == []
    assert document.data == data
    found = {path: document.values[path] for path in places}
    assert {path: (span.line, span.column, span.end_column) for path, span in found.items()} == places
