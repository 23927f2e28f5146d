"""Values, choices and bounds in words."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from pydantic_core import ErrorDetails

from compiler.reader import Path as Address

_NUMBERS = {"a whole number": re.compile(r"[-+]?\d+"), "a number": re.compile(r"[-+]?\d+(\.\d*)?")}
_KINDS = {"a whole number": (int,), "a number": (int, float), "text": (str,), "true or false": (bool,)}
_SWITCHES = {"yes": "true", "on": "true", "no": "false", "off": "false"}
"""Words of YAML 1.1, which are text in YAML 1.2."""


def bounds_of(detail: ErrorDetails) -> str:
    """What a number, text or list must be, from the bound that it breaks."""
    context = detail.get("ctx", {})
    for key, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if key in context:
            bound = context[key]
            return f"{words} {bound:g}" if isinstance(bound, float) else f"{words} {bound}"
    if "pattern" in context:
        return "made of letters, digits, `.`, `_` and `-`, beginning with a letter or digit"
    if detail["type"] == "too_long":
        return f"a list of at most {context['max_length']}"
    if detail["type"] == "too_short" and context["min_length"] > 1:
        return f"a list of at least {context['min_length']}"
    if "max_length" in context:
        return f"at most {context['max_length']} characters long"
    assert context.get("min_length") == 1, f"no words for {detail['msg']}"
    return "not empty"


def choices_of(expected: str) -> list[str]:
    """The choices of Pydantic's `'a', 'b' or 'c'`, without their quotes."""
    return [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]


def choice(word: str) -> str:
    """A choice as a spec writes it."""
    return {"True": "true", "False": "false"}.get(word, f"`{word}`")


def shown(value: Any) -> str:
    """A value as a message names it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f'the text "{value if len(value) <= 40 else value[:37] + "..."}"'
        case dict():
            return "a map"
        case list():
            return "a list"
    return str(value)


def element(path: Address) -> str:
    """The last key of a path, with the places in a list below it: `kernels[1]`."""
    last = max((index for index, step in enumerate(path) if isinstance(step, str)), default=0)
    return str(path[last] if path else "spec") + "".join(f"[{step}]" for step in path[last + 1 :])


def named(path: Address) -> str:
    """A path as a message names it."""
    return " -> ".join(str(step) for step in path)


def conversion(value: Any, types: Collection[str]) -> str | None:
    """The edit where a value plainly means one of another type; `types` are those wanted, in words."""
    match value:
        case None if tuple(types) == ("a map",):
            return "write `{}`, or remove the key"
        case bool():
            return None
        case str() if (meant := _meant(value, types)) is not None:
            return meant
        case float() if value.is_integer() and "a whole number" in types:
            return f"write {int(value)}"
        case int() | float() if "text" in types:
            return f'write "{value}" in quotes if it is meant as text'
        case str() | int() | float() if any(one.startswith("a list") for one in types):
            return f"write a list: [{value}]"
        case [single] if type(single) in {kind for one in types for kind in _KINDS.get(one, ())}:
            return f"write {str(single).lower() if isinstance(single, bool) else single}, without brackets"
    return None


def _meant(text: str, types: Collection[str]) -> str | None:
    """The edit where a text is a number, or a switch, in quotes or in another spelling."""
    for pattern in (_NUMBERS[one] for one in types if one in _NUMBERS):
        if pattern.fullmatch(digits := text.replace("_", "")):
            return f"write {digits}, without quotes or `_`"
    word = _SWITCHES.get(text.lower(), text.lower())
    return f"write {word}, without quotes" if "true or false" in types and word in ("true", "false") else None
