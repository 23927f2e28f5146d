"""Findings of a strict schema as diagnostics: what Pydantic reports, located and explained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from compiler.diagnostics.model import Diagnostic, Edit, Fix, Severity
from compiler.reader import Document
from compiler.reader import Path as Address

_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "tuple_type": "a list",
    "none_required": "null",
}
_RANGES = ("greater_than", "less_than", "too_short", "too_long", "string_pattern_mismatch", "string_too")


def schema_findings(
    error: ValidationError, document: Document, prefix: Address, data: Any, schema: type[BaseModel]
) -> tuple[list[Diagnostic], set[Address]]:
    """Diagnostics of a validation error, and the addresses that were reported.

    `prefix` is where `data` sits in the document. Several complaints about one value (the members
    of a union) become one finding.
    """
    grouped: dict[Address, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        path = (*prefix, *_existing(details["loc"], data, details["type"]))
        grouped.setdefault(path, []).append(details)
    findings = []
    for path, complaints in grouped.items():
        if not document.is_poisoned(path):
            findings.append(_finding(path, complaints, document, prefix, schema))
    return findings, set(grouped)


def _existing(loc: Sequence[int | str], data: Any, kind: str) -> Address:
    """The part of a location that names places in the data, union tags left out."""
    path: list[str | int] = []
    for index, step in enumerate(loc):
        if isinstance(data, dict) and (step in data or (kind == "missing" and index == len(loc) - 1)):
            data = data.get(step)
            path.append(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
            path.append(step)
    return tuple(path)


def _finding(
    path: Address, details: list[ErrorDetails], document: Document, prefix: Address, schema: type[BaseModel]
) -> Diagnostic:
    name, kinds = str(path[-1]) if path else "spec", [d["type"] for d in details]
    first = details[0]
    described = _description(schema, path[len(prefix) :])
    info = (f"`{name}`: {described}",) if described else ()
    if "extra_forbidden" in kinds:
        return unknown_key(path, document, _fields(schema, path[len(prefix) : -1]))
    if "missing" in kinds:
        where = " -> ".join(str(p) for p in path[:-1]) or "the spec"
        return Diagnostic(
            "XL105",
            Severity.ERROR,
            f"`{name}` is missing from {where}",
            (document.locate(path[:-1]),) if document.values else (),
            info,
            f"add `{name}:`",
        )
    span = document.locate(path)
    choices = [d["ctx"]["expected"] for d in details if d["type"] == "literal_error" and "ctx" in d]
    wrong_types = [d for d in details if d["type"] in _TYPES]
    if choices and len(wrong_types) < len(details):
        allowed = " or ".join(choices)
        near = get_close_matches(
            str(first["input"]), allowed.replace("'", "").replace(" or ", ", ").split(", "), n=1
        )
        return Diagnostic(
            "XL112",
            Severity.ERROR,
            f"`{name}` is {_show(first['input'])}, which is not one of its choices",
            (_labelled(span, f"expected {allowed}"),),
            info,
            f"did you mean `{near[0]}`?" if near else None,
        )
    if any(kind.startswith(_RANGES) for kind in kinds):
        detail = next(d for d in details if d["type"].startswith(_RANGES))
        return Diagnostic(
            "XL104",
            Severity.ERROR,
            f"`{name}` is {_show(detail['input'])}: {_range(detail)}",
            (_labelled(span, "out of range"),),
            info,
        )
    expected = " or ".join(dict.fromkeys(_TYPES.get(d["type"], d["msg"]) for d in details))
    return Diagnostic(
        "XL103",
        Severity.ERROR,
        f"`{name}` must be {expected}, not {_show(first['input'])}",
        (_labelled(span, f"expected {expected}"),),
        (*info, "values are never converted from one type to another"),
    )


def unknown_key(path: Address, document: Document, known: Iterable[str]) -> Diagnostic:
    """XL101 for the key at `path`, with the nearest known name; replacing it is a safe fix."""
    name = str(path[-1])
    taken = {str(p[-1]) for p in document.keys if p[:-1] == path[:-1]}
    near = get_close_matches(name, sorted(set(known) - taken), n=1, cutoff=0.6)
    span = document.keys.get(path) or document.locate(path)
    where = " -> ".join(str(p) for p in path[:-1])
    return Diagnostic(
        "XL101",
        Severity.ERROR,
        f"unknown key `{name}`" + (f" in {where}" if where else ""),
        (_labelled(span, "not a key here"),),
        ("a key nobody reads would be a setting that silently does nothing",),
        f"did you mean `{near[0]}`?" if near else f"remove it; known keys: {', '.join(sorted(known))}",
        Fix(f"rename `{name}` to `{near[0]}`", (Edit(span, near[0]),)) if near else None,
    )


def _fields(schema: type[BaseModel], path: Address) -> list[str]:
    """Key names of the section at `path` below `schema`."""
    section = _section(schema, path)
    return [] if section is None else [f.alias or name for name, f in section.model_fields.items()]


def _section(schema: type[BaseModel], path: Address) -> type[BaseModel] | None:
    current: type[BaseModel] | None = schema
    for step in path:
        if current is None:
            return None
        by_name = {f.alias or name: f for name, f in current.model_fields.items()}
        known = by_name.get(str(step))
        if known is not None:
            current = _model_in(known.annotation)
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first schema inside an annotation such as `dict[str, Node] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _description(schema: type[BaseModel], path: Address) -> str | None:
    section = _section(schema, path[:-1]) if path else None
    if section is None:
        return None
    by_name = {f.alias or name: f for name, f in section.model_fields.items()}
    known = by_name.get(str(path[-1]))
    return known.description if known else None


def _range(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    for key, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if key in context:
            return f"it must be {words} {context[key]}"
    if "pattern" in context:
        return "letters, digits, `.`, `_` and `-`, beginning with a letter or digit"
    return str(detail["msg"])


def _show(value: Any) -> str:
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


def _labelled(span: Any, label: str) -> Any:
    return type(span)(span.file, span.line, span.column, span.end_line, span.end_column, label)
