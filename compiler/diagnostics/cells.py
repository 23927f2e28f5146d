"""Text as a terminal shows it: how many columns a character takes, and what may be shown at all."""

from __future__ import annotations

import unicodedata

TAB = "    "
ELLIPSIS = "…"

# Direction overrides can show a line in another order than it is read in (CVE-2021-42574).
_HIDDEN = frozenset(
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)


def visible(text: str) -> str:
    """`text` with nothing in it that moves the cursor, changes colours or reverses the line.

    Tabs become four spaces; control characters become their pictures (U+2400 on).
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\t":
        return TAB
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0x80 <= code < 0xA0 or 0xD800 <= code < 0xE000 or character in _HIDDEN:
        return "\ufffd"
    return character


def width(text: str) -> int:
    """How many columns `text` takes: two for wide East Asian characters and emoji, none for marks."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def window(text: str, start: int, end: int, columns: int) -> tuple[str, int, int]:
    """A stretch of `text` at most `columns` wide around the span `start` to `end`.

    `start` and `end` are character indices. Returns the stretch, the column (0-based) at which the
    span begins in it, and how many columns of the span it shows. Cut ends are marked by an ellipsis.
    """
    if width(text) <= columns:
        return text, width(text[:start]), width(text[start:end])
    span = width(text[start:end])
    room = max(columns - 2 * width(ELLIPSIS), 1)
    # A third of the spare room before the span: what is wrong is read together with what follows.
    first = start
    before = max((room - span) // 3, 0)
    while first > 0 and width(text[first - 1 : start]) <= before:
        first -= 1
    last = first
    while last < len(text) and width(text[first : last + 1]) <= room:
        last += 1
    while first > 0 and last == len(text) and width(text[first - 1 : last]) <= room:
        first -= 1
    lead = ELLIPSIS if first > 0 else ""
    stretch = lead + text[first:last] + (ELLIPSIS if last < len(text) else "")
    return stretch, width(lead + text[first:start]), width(text[start : min(end, last)])
