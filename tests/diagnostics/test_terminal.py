"""What a person sees."""

import fcntl
import io
import os
import re
import struct
import termios
import unicodedata
from pathlib import Path

import pytest

from compiler.diagnostics import Diagnostic, Severity, Span, render, terminal_settings
from compiler.diagnostics.cells import visible, width, window
from compiler.diagnostics.sources import Sources
from tests.diagnostics.findings import ABSENT, COMBO, UNKNOWN, WIDTHS


def shown(finding: Diagnostic, text: str = COMBO, *, width: int | None = None) -> str:
    block, _, summary = render([finding], "text", {"combo.yaml": text}, width=width).rpartition("\n\n")
    assert summary.endswith("\n")
    return block


def at(line: int, column: int, end: int, label: str = "", *, last: int | None = None) -> Diagnostic:
    return Diagnostic(
        "XL104", Severity.ERROR, "m", (Span("combo.yaml", line, column, last or line, end, label),)
    )


def test_the_layout_of_the_design() -> None:
    assert (
        render([WIDTHS], "text", {"combo.yaml": COMBO})
        == """\
error[XL301]: cross-attention source width does not match the encoder output
  --> combo.yaml:9:60
   |
 9 |   config: {hidden_size: 1024, cross_attention_hidden_size: 768}
   |                                                            ^^^ `decoder` attends to width 768
 5 |   config: {hidden_size: 1024}
   |                         ---- `encoder` ends at width 1024
help: remove `cross_attention_hidden_size` to let `bridge: auto` insert a projection, or set it to 1024

1 error
"""
    )


def test_eighty_columns() -> None:
    """Prose is wrapped, and a label that does not fit beside its underline goes below it."""
    assert (
        shown(WIDTHS, width=80)
        == """\
error[XL301]: cross-attention source width does not match the encoder output
  --> combo.yaml:9:60
   |
 9 |   config: {hidden_size: 1024, cross_attention_hidden_size: 768}
   |                                                            ^^^
   |                                              `decoder` attends to width 768
 5 |   config: {hidden_size: 1024}
   |                         ---- `encoder` ends at width 1024
help: remove `cross_attention_hidden_size` to let `bridge: auto` insert a
      projection, or set it to 1024"""
    )


def test_reasons_and_several_findings() -> None:
    assert (
        render([UNKNOWN, ABSENT, WIDTHS], "text", {"combo.yaml": COMBO}).split("\n\n")[0]
        == """\
warning[XL101]: unknown key `famly`
  --> combo.yaml:4:3
   |
 4 |   family: wav2vec2
   |   ^^^^^^ not a key here
note: a key nobody reads does nothing
help: did you mean `family`?"""
    )
    text = render([WIDTHS, ABSENT, UNKNOWN], "text", {"combo.yaml": COMBO})
    assert [line.partition(":")[0] for line in text.split("\n") if re.match(r"\w+\[", line)] == [
        "warning[XL101]",
        "error[XL301]",
        "error[XL117]",
    ]
    assert text.endswith("\n\n2 errors, 1 warning\n")


def test_no_findings() -> None:
    assert render([], "text", {}) == ""


def test_another_file_and_two_spans_of_one_line() -> None:
    finding = Diagnostic(
        "XL305",
        Severity.ERROR,
        "m",
        (
            Span("combo.yaml", 2, 7, 2, 12, "a"),
            Span("combo.yaml", 2, 1, 2, 5, "b"),
            Span("base.yaml", 10, 1, 10, 2, "c"),
        ),
    )
    text = render([finding], "text", {"combo.yaml": COMBO, "base.yaml": "x\n" * 10})
    assert (
        text
        == """\
error[XL305]: m
   --> combo.yaml:2:7
    |
  2 | name: combo
    |       ^^^^^ a
    | ---- b
   ::: base.yaml:10:1
    |
 10 | x
    | - c

1 error
"""
    )


def test_one_line_number_in_two_files() -> None:
    spans = (Span("combo.yaml", 2, 1, 2, 5), Span("base.yaml", 2, 1, 2, 2))
    text = render(
        [Diagnostic("XL305", Severity.ERROR, "m", spans)], "text", {"combo.yaml": COMBO, "base.yaml": "x\ny"}
    )
    assert " 2 | name: combo\n" in text
    assert " 2 | y\n" in text


def test_files_are_read_when_no_text_is_given(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.yaml"
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("first: 1\n")
    finding = Diagnostic("XL104", Severity.ERROR, "m", (Span(path, 1, 8, 1, 9),))
    assert render([finding]).split("\n")[3:5] == [" 1 | first: 1", "   |        ^"]


@pytest.mark.parametrize("data", [b"a: \0", b"a" * (4 * 1024 * 1024 + 1)])
def test_files_that_are_no_specs_are_not_shown(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.bin").write_bytes(data)
    finding = Diagnostic("XL509", Severity.ERROR, "m", (Span(f"{tmp_path}/model.bin", 1, 1, 1, 1),))
    assert render([finding]).split("\n")[1:3] == [f"  --> {tmp_path}/model.bin", ""]


def test_a_place_without_text_is_still_named() -> None:
    """A checkpoint is no text; showing its bytes would garble the terminal."""
    finding = Diagnostic(
        "XL503",
        Severity.ERROR,
        "m",
        (Span("model.safetensors", 1, 1, 1, 1, "stores [4]"), Span("combo.yaml", 2, 1, 2, 5, "wants [5]")),
    )
    assert shown(finding).split("\n")[1:] == [
        "  --> model.safetensors: stores [4]",
        "  ::: combo.yaml:2:1",
        "   |",
        " 2 | name: combo",
        "   | ---- wants [5]",
    ]


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("a:\tb", at(1, 4, 5), [" 1 | a:    b", "   |       ^"]),
        ("größe: 日本語 x", at(1, 12, 13), [" 1 | größe: 日本語 x", "   |               ^"]),
        ("größe: 日本語 x", at(1, 8, 11), [" 1 | größe: 日本語 x", "   |        ^^^^^^"]),
        ("ｆｕ x", at(1, 4, 5), [" 1 | ｆｕ x", "   |      ^"]),
        ("e\u0301: x", at(1, 5, 6), [" 1 | e\u0301: x", "   |    ^"]),
        ("a:", at(1, 3, 3), [" 1 | a:", "   |   ^"]),
        ("a: [1,\n 2]", at(1, 4, 4, last=2), [" 1 | a: [1,", "   |    ^^^"]),
        ("\x1b[31m: \u202ex", at(1, 1, 2), [" 1 | ␛[31m: \ufffdx", "   | ^"]),
        ("a\r\nb: c\r\n", at(2, 4, 5), [" 2 | b: c", "   |    ^"]),
        ("", at(1, 1, 1), [" 1 |", "   | ^"]),
        ("ab", at(1, 9, 12), [" 1 | ab", "   |   ^"]),
    ],
)
def test_underlines_stand_under_what_they_mean(text: str, span: Diagnostic, expected: list[str]) -> None:
    assert shown(span, text).split("\n")[3:] == expected


def test_messages_cannot_write_escape_sequences() -> None:
    finding = Diagnostic(
        "XL101", Severity.ERROR, "key `\x1b[2J`", (Span("f\x07", 1, 1, 1, 1, "\x1b"),), ("\x1b",), "\x1b"
    )
    assert "\x1b" not in render([finding])
    assert "\x07" not in render([finding])


def test_long_lines_are_cut_around_the_span() -> None:
    text = ", ".join(f"field_{i}: {i}" for i in range(100))
    column = text.index("field_50") + 1
    lines = shown(at(1, column, column + 8, "here"), text, width=80).split("\n")[3:]
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith(" 1 | …")
    assert lines[0].endswith("…")
    begin = lines[1].index("^")
    assert lines[0][begin : begin + 8] == "field_50"
    assert lines[1].endswith("^^^^^^^^ here")
    assert begin > 20  # what stands before it is shown too


@pytest.mark.parametrize("start", range(0, 200, 7))
@pytest.mark.parametrize("length", [0, 1, 8, 300])
@pytest.mark.parametrize("letter", ["x", "語"])
def test_windows_show_the_beginning_of_the_span(start: int, length: int, letter: str) -> None:
    text = letter * 200
    end = min(start + length, len(text))
    stretch, column, columns = window(text, start, end, 40)
    assert 37 <= width(stretch) <= 40
    assert column + columns <= 40
    assert columns == min(width(text[start:end]), columns)
    if length:
        assert columns > 0


def test_two_spans_of_a_line_too_long_to_show_whole_get_a_line_each() -> None:
    text = "a" * 300
    finding = Diagnostic(
        "XL305",
        Severity.ERROR,
        "m",
        (Span("combo.yaml", 1, 1, 1, 2, "x"), Span("combo.yaml", 1, 290, 1, 292, "y")),
    )
    lines = shown(finding, text, width=60).split("\n")[3:]
    assert [line[:3] for line in lines] == [" 1 ", "   ", " 1 ", "   "]


def test_a_label_wider_than_the_terminal_is_wrapped() -> None:
    lines = shown(at(2, 1, 5, "word " * 40), width=60).split("\n")[3:]
    assert all(len(line) <= 60 for line in lines)
    assert sum(line.count("word") for line in lines) == 40


def test_a_terminal_without_width() -> None:
    """Some report a width of 0 or 1."""
    assert shown(WIDTHS, width=0) == shown(WIDTHS, width=40)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    assert terminal_settings(Terminal()) == {"color": True, "width": 80}
    assert terminal_settings(io.StringIO()) == {"color": False, "width": 80}
    monkeypatch.setenv("NO_COLOR", "")
    assert terminal_settings(Terminal())["color"]
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal_settings(Terminal()) == {"color": False, "width": 80}
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not terminal_settings(Terminal())["color"]


@pytest.mark.parametrize(
    ("columns", "pipe", "terminal"), [("66", 66, 66), ("", None, 80), ("0", None, 80), ("x", None, 80)]
)
def test_the_width_is_what_columns_says_or_the_terminal(
    columns: str, pipe: int | None, terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal_settings(io.StringIO())["width"] == pipe
    assert terminal_settings(Terminal())["width"] == terminal


def test_each_stream_has_its_own_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results may go into a pipe while findings go to a terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 57, 0, 0))
    with os.fdopen(follower, "w") as screen, os.fdopen(leader):
        assert terminal_settings(screen)["width"] == 57
        assert terminal_settings(io.StringIO())["width"] is None


def test_colour_changes_nothing_else() -> None:
    plain = render([WIDTHS, UNKNOWN], "text", {"combo.yaml": COMBO}, width=80)
    colored = render([WIDTHS, UNKNOWN], "text", {"combo.yaml": COMBO}, color=True, width=80)
    assert "\x1b[1;31merror[XL301]\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_visible_leaves_ordinary_text_alone() -> None:
    assert visible("größe: 日本語 ✓") == "größe: 日本語 ✓"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("\0", "␀"),
        ("\x1b", "␛"),
        ("\x1f", "␟"),
        ("\x7f", "␡"),
        ("\t", "    "),
        ("\x80", "\ufffd"),  # the C1 controls: 0x9b alone begins an escape sequence
        ("\x9b", "\ufffd"),
        ("\x9f", "\ufffd"),
        ("\xa0", "\xa0"),
        ("\ud800", "\ufffd"),
        ("\u202e", "\ufffd"),
        ("\u2066", "\ufffd"),
        ("\ufeff", "\ufffd"),
    ],
    ids=ascii,
)
def test_visible_shows_in_place_of_what_would_act(written: str, expected: str) -> None:
    assert visible(f"a{written}b") == f"a{expected}b"


def test_no_control_character_is_visible() -> None:
    shown = visible("".join(map(chr, range(0x300))))
    assert not [character for character in shown if unicodedata.category(character) == "Cc"]


def test_a_pipe_is_not_read_to_show_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def refused(*_: object) -> None:
        raise AssertionError("opening it would wait for a writer")

    monkeypatch.setattr("builtins.open", refused)
    assert Sources().line(str(pipe), 1) is None
