"""Order, summary, near names, and fixes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diagnostics import Diagnostic, Edit, Fix, Severity, Span, apply_fixes, near, ordered, summary


def at(file: str, line: int, column: int = 1, message: str = "m") -> Diagnostic:
    return Diagnostic("XL104", Severity.ERROR, message, (Span(file, line, column, line, column),))


def test_files_keep_their_order_and_lines_are_sorted() -> None:
    bare = Diagnostic("XL117", Severity.ERROR, "no place")
    given_ = [at("b", 2), at("a", 9), bare, at("b", 1, 5), at("a", 10), at("b", 1, 2), at("b", 1, 2, "later")]
    found = [
        (d.spans[0].file, d.spans[0].line, d.spans[0].column) if d.spans else None for d in ordered(given_)
    ]
    assert found == [("b", 1, 2), ("b", 1, 2), ("b", 1, 5), ("b", 2, 1), ("a", 9, 1), ("a", 10, 1), None]
    assert [d.message for d in ordered(given_)][:2] == ["m", "later"]


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ("", "no findings"),
        ("e", "1 error"),
        ("ewe", "2 errors, 1 warning"),
        ("iiww", "2 warnings, 2 info"),
    ],
)
def test_summary(severities: str, expected: str) -> None:
    kinds = {"e": Severity.ERROR, "w": Severity.WARNING, "i": Severity.INFO}
    assert summary(Diagnostic("XL104", kinds[letter], "m") for letter in severities) == expected


FIELDS = ["d_model", "encoder_layers", "decoder_layers", "encoder_ffn_dim", "dropout", "vocab_size"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("encoder_layer", ["encoder_layers", "decoder_layers"]),
        ("D-Model", ["d_model"]),
        ("dmodel", ["d_model"]),
        ("vocabsize", ["vocab_size"]),
        ("family", []),
        ("", []),
        (7, []),
        (None, []),
    ],
)
def test_near(name: object, expected: list[str]) -> None:
    assert near(name, FIELDS) == expected


def test_near_is_bounded_and_has_no_repeats() -> None:
    assert near("d-model", ["dxmodel", "d_model"]) == ["d_model", "dxmodel"]
    assert near("layer", ["layer_1", "layer_2", "layer_3", "layer_4"], most=2) == ["layer_1", "layer_2"]
    assert near("layers", ["Layers", "layers", "layers"]) == ["Layers", "layers"]


def fix(*edits: tuple[int, int, int, str], file: str = "a") -> Diagnostic:
    """A finding at its first edit; each edit is (line, column, end column, text)."""
    made = tuple(Edit(Span(file, line, column, line, end), text) for line, column, end, text in edits)
    return Diagnostic("XL101", Severity.ERROR, "m", (made[0].span,), fix=Fix("f", made))


TEXT = "famly: x\nconfig: {encoder_layer: 6}\n"


def test_fixes_are_applied_together() -> None:
    fixes = [fix((2, 10, 23, "encoder_layers")), fix((1, 1, 6, "family")), at("a", 1)]
    assert apply_fixes(TEXT, fixes) == "family: x\nconfig: {encoder_layers: 6}\n"
    assert apply_fixes(TEXT, []) == TEXT


def test_a_fix_is_applied_whole_or_not_at_all() -> None:
    both = fix((1, 1, 6, "family"), (2, 10, 23, "encoder_layers"))
    assert apply_fixes(TEXT, [fix((2, 1, 12, "conf")), both]) == "family: x\nconfig: {encoder_layers: 6}\n"
    assert apply_fixes(TEXT, [fix((1, 1, 9, "y")), both]) == "y\nconfig: {encoder_layer: 6}\n"
    assert apply_fixes(TEXT, [fix((1, 1, 6, "family"), (1, 3, 4, "y"))]) == TEXT
    assert apply_fixes(TEXT, [fix((1, 1, 6, "family"), (9, 1, 1, "y"))]) == TEXT
    assert apply_fixes(TEXT, [fix((3, 1, 9, "y"))]) == TEXT


def test_equal_edits_are_made_once() -> None:
    assert apply_fixes("ab", [fix((1, 1, 1, "x")), fix((1, 1, 1, "x"))]) == "xab"
    assert apply_fixes("ab", [fix((1, 1, 1, "x")), fix((1, 1, 1, "y"))]) == "xab"


def test_fixes_may_share_an_edit() -> None:
    shared, other = (1, 1, 6, "family"), (2, 10, 23, "encoder_layers")
    assert apply_fixes(TEXT, [fix(shared), fix(shared, other)]) == "family: x\nconfig: {encoder_layers: 6}\n"


def test_neighbouring_edits_do_not_overlap() -> None:
    assert apply_fixes("abcd", [fix((1, 1, 3, "x")), fix((1, 3, 5, "y"))]) == "xy"


def test_fixes_of_other_files_are_left() -> None:
    fixes = [fix((1, 1, 6, "family")), fix((1, 1, 6, "other"), file="b")]
    assert apply_fixes(TEXT, fixes, "a").startswith("family: x")
    assert apply_fixes(TEXT, fixes, "b").startswith("other: x")
    assert apply_fixes(TEXT, fixes, "c") == TEXT


def test_line_breaks_and_byte_order_mark_stay() -> None:
    assert apply_fixes("\ufeffa: 1\r\nfamly: x\r", [fix((2, 1, 6, "family"))]) == "\ufeffa: 1\r\nfamily: x\r"


@given(st.text("ab\n\r", max_size=30), st.data())
def test_fixes_against_editing_by_hand(text: str, data: st.DataObject) -> None:
    """Disjoint edits of a line each, against replacing pieces of the line from the right."""
    lines = text.replace("\r", "").split("\n")
    text = "\n".join(lines)
    number = data.draw(st.integers(1, len(lines)))
    line = lines[number - 1]
    bounds = sorted(data.draw(st.lists(st.integers(0, len(line)), max_size=6, unique=True)))
    pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
    expected = line
    for start, end in reversed(pairs):
        expected = expected[:start] + "X" + expected[end:]
    fixes = [fix((number, start + 1, end + 1, "X")) for start, end in data.draw(st.permutations(pairs))]
    assert apply_fixes(text, fixes) == "\n".join([*lines[: number - 1], expected, *lines[number:]])
