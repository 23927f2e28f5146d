"""What the reader reports, apart from syntax errors: one function a finding."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.diagnostics.near import listed


def _error(code: str, message: str, *spans: Span, info: str | None = None, help: str) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, spans, info=(info,) if info else (), help=help)


def duplicate_keys(repeated: Sequence[tuple[str, Span, Span]]) -> list[Diagnostic]:
    """XL102 for keys of one map with both places: (key, again, first). Several keys are one mistake."""
    places = [(_labelled(again, "again"), _labelled(first, "first")) for _, again, first in repeated]
    names = list(dict.fromkeys(name for name, _, _ in repeated))
    if len(names) == 1:
        message = f"the key `{names[0]}` appears twice in one map"
        return [_error("XL102", message, *both, help="remove one of the two") for both in places]
    return [
        _error(
            "XL102",
            f"the keys {listed(names)} appear twice in one map",
            places[0][0],
            *(first for _, first in places),
            *(again for again, _ in places[1:]),
            help="put the second ones under a name of their own, or remove one of each",
        )
    ]


def _labelled(span: Span, word: str) -> Span:
    return span._replace(label=f"{word} here")


def key_not_a_string(what: str, span: Span, text: str | None) -> Diagnostic:
    """XL103 for a key that is a number, a boolean, null, a map or a list."""
    return _error(
        "XL103",
        f"a key is {what}, and keys are strings",
        span._replace(label=what),
        help=f'put it in quotes: "{text}"' if text else "write a name before the colon",
    )


def tag_mismatch(tag: str, what: str, span: Span) -> Diagnostic:
    """XL103 for `!!int x` and the like."""
    return _error(
        "XL103",
        f"the value is tagged `{tag}` but is {what}",
        span._replace(label=what),
        info="a tag states a type, and nothing is coerced to fit it",
        help="remove the tag, or correct the value",
    )


def number_out_of_range(text: str, span: Span) -> Diagnostic:
    """XL104 for a number that 64 bits cannot hold."""
    shown = text if len(text) <= 24 else f"{text[:20]}..."
    return _error(
        "XL104",
        f"the number `{shown}` does not fit in 64 bits",
        span._replace(label="too large"),
        info="integers are signed 64-bit, other numbers are IEEE doubles, as in the emitted source",
        help="write a smaller number, or put it in quotes if it is text",
    )


def object_tag(tag: str, span: Span) -> Diagnostic:
    """XL108."""
    return _error(
        "XL108",
        f"the tag `{tag}` asks the reader to construct an object",
        span._replace(label="tagged here"),
        info="a spec is plain data: maps, lists, strings, numbers, booleans and null",
        help="remove the tag and write the value itself",
    )


def merge_key(span: Span) -> Diagnostic:
    """XL101 for `<<`, which is an ordinary key in YAML 1.2 and a known one nowhere in the language."""
    return _error(
        "XL101",
        "unknown key `<<`",
        span._replace(label="YAML merge keys are not part of the language"),
        info="two ways of inheriting would need a rule for which of them wins",
        help="move the shared part into a spec of its own and name it with `extends:`",
    )


def unfit_character(code_point: int, span: Span) -> Diagnostic:
    """XL106 for an escape that stands for NUL or for half a surrogate pair."""
    return _error(
        "XL106",
        f"an escape stands for U+{code_point:04X}, which no text may hold",
        span._replace(label="in this string"),
        help="remove the escape",
    )


def unknown_anchor(name: str, span: Span) -> Diagnostic:
    """XL106 for an alias before, or without, its anchor."""
    return _error(
        "XL106",
        f"the alias `*{name}` refers to no anchor",
        span._replace(label=f"no `&{name}` above this line"),
        help=f"put `&{name}` in front of the value meant, or quote the text if it is not an alias",
    )


def recursive_alias(name: str, span: Span, anchor: Span) -> Diagnostic:
    """XL107 for an alias inside the value it stands for."""
    return _error(
        "XL107",
        f"the alias `*{name}` stands for a value that contains it",
        span._replace(label="this would expand for ever"),
        anchor._replace(label=f"`&{name}` begins here and is not finished"),
        help="write the value out",
    )


def exploding_alias(name: str, copied: int, limit: int, span: Span, anchor: Span) -> Diagnostic:
    """XL107 for aliases that together copy more than `limit` values."""
    return _error(
        "XL107",
        f"aliases expand to more than {limit} values",
        span._replace(label=f"with this one, {copied} values are copies"),
        anchor._replace(label=f"`*{name}` repeats this"),
        info="a short file could otherwise fill the memory",
        help="write the repeated value out where it is needed",
    )


def too_deep(limit: int, span: Span) -> Diagnostic:
    """XL106 for nesting no spec has."""
    return _error(
        "XL106",
        f"values are nested more than {limit} deep",
        span._replace(label=f"level {limit + 1} begins here"),
        help="flatten the value; a spec rarely needs more than six levels",
    )


def nothing_inside(span: Span) -> Diagnostic:
    """XL106 for an empty file, or one that holds comments or null only."""
    return _error(
        "XL106",
        "the file holds no spec",
        span,
        help="begin with `crossloom: 1` and `name: ...`; `crossloom catalogue` lists specs to start from",
    )


def several_documents(span: Span) -> Diagnostic:
    """XL106 for a second YAML document."""
    return _error(
        "XL106",
        "the file holds several YAML documents, and a spec is one",
        span._replace(label="a second document begins here"),
        help="remove the `---`, or move what follows it into a file of its own",
    )
