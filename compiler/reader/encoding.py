"""Bytes to characters that YAML 1.1 and 1.2 and every editor count alike."""

from __future__ import annotations

import re

from compiler.diagnostics.model import Diagnostic, Severity, Span

REPLACEMENT = "\ufffd"
"""Stands for what could not be read; of the same length, so that columns stay true."""

# Not printable in YAML, or (U+0085, U+2028, U+2029) a line break to YAML 1.1 alone.
_FORBIDDEN = re.compile(
    "[\\0-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff\\ufffe\\uffff]"
)
UNFIT = re.compile("[\\0\\ud800-\\udfff]")
"""What no text of a spec may hold, not even by an escape: it fits in no path and no UTF-8 file."""

_LINE_BREAK = re.compile("\r\n|\n|\r")


def decode(data: bytes, file: str) -> tuple[str, list[Diagnostic]]:
    """Decode UTF-8; bytes that are not UTF-8 become U+FFFD and one finding at the first of them."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        help = "save the file as UTF-8"
        return "", [_unreadable("the file is UTF-16, and specs are UTF-8", _place("", 0, file), "", help)]
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        text = data.decode("utf-8", "replace")
        label = f"byte 0x{data[error.start]:02x} is not valid here"
        place = _place(text, len(before), file)
        return text, [_unreadable("the file is not UTF-8", place, label, "save the file as UTF-8")]


def clean(text: str, file: str) -> tuple[str, list[Diagnostic]]:
    """Replace characters that may not stand in a YAML file; one finding names the first of them."""
    first = _FORBIDDEN.search(text)
    if first is None:
        return text, []
    cleaned, count = _FORBIDDEN.subn(REPLACEMENT, text)
    character = first.group()
    name = f"U+{ord(character):04X}"
    others = f", and {count - 1} more like it" if count > 1 else ""
    finding = _unreadable(
        f"the character {name} may not stand in a YAML file",
        _place(text, first.start(), file),
        f"{name} here{others}",
        "remove it"
        if UNFIT.match(character)
        else f"remove it, or write `{_escape(character)}` in double quotes",
    )
    return cleaned, [finding]


def position(text: str, offset: int) -> tuple[int, int]:
    """The 1-based line and column of a character offset."""
    line, start = 1, 0
    for match in _LINE_BREAK.finditer(text, 0, offset):
        line, start = line + 1, match.end()
    return line, offset - start + 1


def _escape(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"


def _place(text: str, offset: int, file: str) -> Span:
    line, column = position(text, offset)
    return Span(file, line, column, line, column + 1)


def _unreadable(message: str, span: Span, label: str, help: str) -> Diagnostic:
    span = Span(span.file, span.line, span.column, span.end_line, span.end_column, label)
    return Diagnostic("XL106", Severity.ERROR, message, (span,), help=help)
