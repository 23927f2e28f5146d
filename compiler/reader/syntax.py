"""The parser's complaints in words a spec's author can act on.

libyaml and PyYAML's own parser word the same complaint differently; each row below knows both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.diagnostics.sources import line_starts


class _Row(NamedTuple):
    """`problem` and `context` are matched by substring; `at_context` moves the primary span there."""

    problem: str
    context: str
    message: str
    label: str
    help: str
    at_context: bool = False


_QUOTE = "put the text in quotes if it is meant literally"
_INDENT = "indent the keys of one map, and the `-` of one list, by the same number of spaces"

_ROWS = (
    _Row("'\\t'", "", "a tab indents this line", "a tab", "indent with spaces"),
    _Row("a tab character", "", "a tab indents this line", "a tab", "indent with spaces"),
    _Row("cannot start any token", "", "no plain value begins with this character", "unexpected", _QUOTE),
    _Row(
        "mapping values are not allowed",
        "",
        "a second `:` where one value is expected",
        "this colon",
        "quote the value if the colon belongs to it, or give the key a line of its own, "
        "indented like its siblings",
    ),
    _Row(
        "unexpected end of stream",
        "quoted scalar",
        "this quote is never closed",
        "opened here",
        "add the closing quote",
        at_context=True,
    ),
    _Row(
        "could not find expected ':'",
        "simple key",
        "a key without `:`",
        "this is read as a key",
        "write `key: value`, or indent the line so that it continues the one above",
        at_context=True,
    ),
    _Row(
        "expected ',' or",
        "",
        "a comma or a closing bracket is missing before this",
        "unexpected",
        "separate entries by commas, and close what was opened",
    ),
    _Row("expected key", "block mapping", "this line fits no map above it", "unexpected", _INDENT),
    _Row("expected <block end>", "", "this line fits nothing above it", "unexpected", _INDENT),
    _Row("expected '-' indicator", "", "this line is not part of the list above it", "unexpected", _INDENT),
    _Row(
        "maximum nesting depth",
        "",
        "values are nested deeper than any parser follows",
        "too deep",
        "close the brackets that are open, or flatten what is nested",
    ),
    _Row(
        "unknown escape character",
        "",
        "this escape does not exist in YAML",
        "unknown escape",
        "write `\\\\` for a backslash, or use single quotes",
    ),
)


def syntax_error(error: Exception, text: str, file: str, open_brackets: list[Span]) -> Diagnostic:
    """The XL106 finding for what the parser raised; `open_brackets` lists flow collections not closed."""
    problem = str(getattr(error, "problem", None) or error or "not valid YAML")
    context = str(getattr(error, "context", None) or "")
    span = _span(getattr(error, "problem_mark", None), text, file)
    begins = _span(getattr(error, "context_mark", None), text, file)
    if open_brackets and _is_end(span, text):
        place = _labelled(open_brackets[-1], "opened here")
        return _finding("this bracket is never closed", place, help="add the closing bracket")
    if "cannot start any token" in problem and _character(span, text) == "\t":
        problem = "'\\t'"
    for row in _ROWS:
        if row.problem in problem and row.context in context:
            place = begins if row.at_context else span
            # A missing bracket is noticed far below the one it should have closed.
            opened = open_brackets[-1:] if "expected ',' or" in problem else []
            return _finding(
                row.message,
                _labelled(place, row.label),
                *(_labelled(bracket, "opened here") for bracket in opened),
                help=row.help,
            )
    place = _labelled(span, context)
    return _finding(
        f"not valid YAML: {problem}", place, help="see https://yaml.org/spec/1.2.2 for the syntax"
    )


def _finding(message: str, *spans: Span, help: str) -> Diagnostic:
    return Diagnostic("XL106", Severity.ERROR, message, spans, help=help)


def _labelled(span: Span, label: str) -> Span:
    return Span(span.file, span.line, span.column, span.end_line, span.end_column, label)


def _span(mark: Any, text: str, file: str) -> Span:
    """One character at the mark, moved back inside the text where the parser ran off its end."""
    if mark is None:
        return Span(file, 1, 1, 1, 1)
    starts = line_starts(text)
    line, column = mark.line + 1, mark.column + 1
    if line > len(starts) or starts[line - 1] + column > len(text):
        end = len(text.rstrip())
        line = sum(start <= end for start in starts)
        column = end - starts[line - 1] + 1
    return Span(file, line, column, line, column + 1)


def _offset(span: Span, text: str) -> int:
    return line_starts(text)[span.line - 1] + span.column - 1


def _is_end(span: Span, text: str) -> bool:
    return not text[_offset(span, text) :].strip()


def _character(span: Span, text: str) -> str:
    offset = _offset(span, text)
    return text[offset : offset + 1]
