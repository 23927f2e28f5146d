"""Values, choices and bounds in words."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails

from compiler.reader import Path as Address


def bounds_of(detail: ErrorDetails) -> str:
    """What a number, text or list must be, from the bound that it breaks."""
    context = detail.get("ctx", {})
    for key, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if key in context:
            bound = context[key]
            return f"{words} {bound:g}" if isinstance(bound, float) else f"{words} {bound}"
    if "pattern" in context:
        return "made of letters, digits, `.`, `_` and `-`, beginning with a letter or digit"
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
