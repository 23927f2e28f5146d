"""Plain scalars to values, by the core schema of YAML 1.2 (section 10.3.2 of its specification)."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isinf
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

# Whatever begins otherwise is a string; most keys and values are settled by this.
_FIRST = frozenset("+-.0123456789~nNtTfF")

_LARGEST = 2**63
_MOST_DIGITS = 64  # far beyond any representable number, far below what is slow to convert


class OutOfRangeError(ValueError):
    """The text is a number that neither a 64-bit integer nor a double can hold."""


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises `OutOfRangeError` for a number beyond 64 bits; nothing is clipped or rounded to infinity.
    """
    if text and text[0] not in _FIRST:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    for pattern, convert in _NUMBERS:
        if pattern.fullmatch(text):
            return convert(text)
    return text


def _integer(text: str) -> int:
    # Base 0 reads 0x and 0o, but refuses the leading zeros that YAML allows in decimals.
    base = 0 if text[:2] in ("0x", "0o") else 10
    value = int(text, base) if len(text) <= _MOST_DIGITS else _LARGEST
    if not -_LARGEST <= value < _LARGEST:
        raise OutOfRangeError
    return value


def _float(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise OutOfRangeError
    return value


def _special(text: str) -> float:
    return float(text.replace(".", ""))


_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+"), _integer),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"), _float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), _special),
)
