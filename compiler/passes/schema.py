"""Findings of a strict schema as diagnostics: what Pydantic reports, located and explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.near import near
from compiler.passes.forms import KEYS
from compiler.passes.homes import keys_of
from compiler.passes.unknown import unknown_key
from compiler.passes.wording import bounds_of, choice, choices_of, conversion, element, named, shown
from compiler.reader import Document
from compiler.reader import Path as Address
from specs.generation import INERT_FIELDS, REFUSED_FIELDS, GenerationOptions

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
_NEVER_CONVERTED = "values are never converted from one type to another"


@dataclass(frozen=True)
class Complaint:
    """What is wrong at one place, and how to go on.

    Attributes:
        path: the place in the document.
        diagnostic: the finding; None where another of the complaints says as much.
        is_missing: whether a required key is absent.
        meant: the place of the known key that an unknown one is taken for.
    """

    path: Address
    diagnostic: Diagnostic | None
    is_missing: bool = False
    meant: Address | None = None


def complaints(
    error: ValidationError, document: Document, prefix: Address, data: Any, schema: type[BaseModel]
) -> list[Complaint]:
    """A validation error, one complaint a place.

    `prefix` is where `data` sits in the document. Several complaints about one value (the members of a
    union) are one; where a member looked inside the value, what it found there counts. A key that is
    missing because it is misspelt is not said to be missing, and neither is a family where another form
    of a model stands in its place.
    """
    grouped: dict[Address, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        path = (*prefix, *_existing(details["loc"], data, details["type"]))
        grouped.setdefault(path, []).append(details)
    paths = [path for path in grouped if not _is_looked_into(path, grouped)]
    found = [_complaint(path, grouped[path], document, prefix, schema) for path in paths]
    taken = {one.meant for one in found if one.meant is not None}
    described = {(*one.path[:-1], "family") for one in found if one.path[-1:] and one.path[-1] in KEYS}
    return [
        replace(one, diagnostic=None) if one.path in described else one
        for one in found
        if not (one.is_missing and one.path in taken)
    ]


def _is_looked_into(path: Address, grouped: dict[Address, list[ErrorDetails]]) -> bool:
    return any(len(other) > len(path) and other[: len(path)] == path for other in grouped)


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


def _complaint(
    path: Address, details: list[ErrorDetails], document: Document, prefix: Address, schema: type[BaseModel]
) -> Complaint:
    below = path[len(prefix) :]
    described = _description(schema, below)
    info = (f"`{path[-1]}`: {described}",) if described else ()
    kinds = {detail["type"] for detail in details}
    if "extra_forbidden" in kinds:
        section = _section(schema, below[:-1])
        if section is GenerationOptions and path[-1] in REFUSED_FIELDS.keys() | INERT_FIELDS:
            return Complaint(path, _unsupported_option(path, document))
        finding, meant = unknown_key(path, document, keys_of(section) if section is not None else ())
        return Complaint(path, finding, meant=meant)
    if "missing" in kinds:
        return Complaint(path, _missing(path, document, info), is_missing=True)
    return Complaint(path, _misfit(path, details, document, info, _has_default(schema, below)))


def _missing(path: Address, document: Document, info: tuple[str, ...]) -> Diagnostic:
    where = named(path[:-1]) or "the spec"
    span = document.keys.get(path[:-1]) or document.beginning()
    return Diagnostic(
        "XL105",
        Severity.ERROR,
        f"`{path[-1]}` is missing from {where}",
        (replace(span, label=f"has no `{path[-1]}`"),),
        info,
        f"add `{path[-1]}:`",
    )


def _misfit(
    path: Address, details: list[ErrorDetails], document: Document, info: tuple[str, ...], has_default: bool
) -> Diagnostic:
    """A value of the wrong type, outside its choices, or out of range."""
    value = details[0]["input"]
    name, span = element(path), document.locate(path)
    choices = [d["ctx"]["expected"] for d in details if d["type"] == "literal_error" and "ctx" in d]
    types = list(dict.fromkeys(_TYPES[d["type"]] for d in details if d["type"] in _TYPES))
    in_range = [d for d in details if d["type"].startswith(_RANGES)]
    if choices:
        allowed = [word for choice in choices for word in choices_of(choice)]
        expected = " or ".join([*map(choice, allowed), *types])
        close = near(value[0] if isinstance(value, list) and len(value) == 1 else value, allowed)
        return Diagnostic(
            "XL112",
            Severity.ERROR,
            f"`{name}` is {shown(value)}, which is not one of its choices",
            (replace(span, label=f"expected {expected}"),),
            info,
            f"did you mean `{close[0]}`?" if close else f"write {expected}",
        )
    if in_range:
        bounds = bounds_of(in_range[0])
        return Diagnostic(
            "XL104",
            Severity.ERROR,
            f"`{name}` is {shown(in_range[0]['input'])}, and it must be {bounds}",
            (replace(span, label="out of range"),),
            info,
            f"give `{name}` a value that is {bounds}",
        )
    expected = " or ".join(types) or details[0]["msg"]
    return Diagnostic(
        "XL103",
        Severity.ERROR,
        f"`{name}` must be {expected}, not {shown(value)}",
        (replace(span, label=f"expected {expected}"),),
        (*info, _NEVER_CONVERTED),
        conversion(value, types)
        or f"write {expected}" + (f", or remove `{path[-1]}` to take its default" if has_default else ""),
    )


def _unsupported_option(path: Address, document: Document) -> Diagnostic:
    """XL406 for an option of the public implementation that is not one here."""
    name = str(path[-1])
    span = document.keys.get(path) or document.locate(path)
    reason = "is not supported" if name in REFUSED_FIELDS else "changes no token here"
    return Diagnostic(
        "XL406",
        Severity.ERROR,
        f"the generation option `{name}` {reason}",
        (replace(span, label="not an option here"),),
        help="remove it",
    )


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


def _field(schema: type[BaseModel], path: Address) -> FieldInfo | None:
    section = _section(schema, path[:-1]) if path else None
    if section is None:
        return None
    by_name = {f.alias or name: f for name, f in section.model_fields.items()}
    return by_name.get(str(path[-1]))


def _description(schema: type[BaseModel], path: Address) -> str | None:
    field = _field(schema, path)
    return field.description if field else None


def _has_default(schema: type[BaseModel], path: Address) -> bool:
    field = _field(schema, path)
    return field is not None and not field.is_required()
