"""Findings of a strict schema as diagnostics: what Pydantic reports, located and explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.near import listed, near
from compiler.passes.editing import is_open, value_at
from compiler.passes.forms import KEYS
from compiler.passes.homes import keys_of, sections_for, within
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


class Complaint(NamedTuple):
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
    places = dict.fromkeys(one.path[:-1] if one.is_missing else one.path for one in found)
    entries = [_out_of_place(place, document, prefix, schema) for place in places]
    for entry in (entry for entry in entries if entry is not None):
        found = [one for one in found if one.path[: len(entry.path)] != entry.path] + [entry]
    taken = {one.meant for one in found if one.meant is not None}
    described = {(*one.path[:-1], "family") for one in found if one.path[-1:] and one.path[-1] in KEYS}
    found = [
        one._replace(diagnostic=None) if one.path in described else one
        for one in found
        if not (one.is_missing and one.path in taken)
    ]
    return _together(found)


def _out_of_place(
    place: Address, document: Document, prefix: Address, schema: type[BaseModel]
) -> Complaint | None:
    """XL101 for an entry that is no entry of its section: a key of what is around it, or of another section.

    A line that has lost its indentation, or has too much of it, puts everything below it in the wrong place.
    """
    below = place[len(prefix) :]
    entry = _section(schema, below) if below else None
    if entry is None or _section(schema, below[:-1]) is not None:
        return None  # no entry with a name of its own
    around = _section(schema, below[:-2])
    siblings = list(value_at(document.data, place[:-1]))
    before = siblings[: siblings.index(place[-1])][-1:]
    homes: list[Address] = []
    if before and place[-1] in keys_of(entry):
        homes = [(*place[:-1], *before)]
    elif around is not None and place[-1] in keys_of(around):
        homes = [place[:-2]]
    else:
        homes = [
            home
            for home in sections_for(value_at(document.data, place), place, document.data)
            if home != place[:-1]
        ]
    meant = (*homes[0], place[-1]) if homes else ()
    if not meant or meant in document.keys or not is_open(document.data, homes[0]):
        return None
    finding, _ = unknown_key(place, document, ())
    message = f"`{place[-1]}` is no entry of {named(place[:-1])}"
    help = f"`{place[-1]}` belongs {within(homes[0])}; indent it so"
    return Complaint(place, replace(finding, message=message, help=help, info=(), fix=None), meant=meant)


def _together(found: list[Complaint]) -> list[Complaint]:
    """The complaints, with one finding for all keys that went from one section to another."""
    moved: dict[tuple[Address, Address], list[int]] = {}
    for index, one in enumerate(found):
        if one.meant is not None and one.meant[:-1] != one.path[:-1] and one.meant[-1] == one.path[-1]:
            moved.setdefault((one.path[:-1], one.meant[:-1]), []).append(index)
    result = list(found)
    for (section, home), indices in moved.items():
        findings = [told for index in indices if (told := found[index].diagnostic) is not None]
        if len(findings) < 2:
            continue
        names = listed([str(found[index].path[-1]) for index in indices])
        joined = replace(
            findings[0],
            message=f"unknown keys {names}" + (f" in {named(section)}" if section else ""),
            spans=tuple(span for one in findings for span in one.spans),
            help=f"they belong {within(home)}",
        )
        for index in indices:
            result[index] = found[index]._replace(diagnostic=None)
        result[indices[0]] = found[indices[0]]._replace(diagnostic=joined)
    return result


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
        (span._replace(label=f"has no `{path[-1]}`"),),
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
            (span._replace(label=f"expected {expected}"),),
            info,
            f"did you mean `{close[0]}`?" if close else f"write {expected}",
        )
    if in_range:
        bounds = bounds_of(in_range[0])
        return Diagnostic(
            "XL104",
            Severity.ERROR,
            f"`{name}` is {shown(in_range[0]['input'])}, and it must be {bounds}",
            (span._replace(label="out of range"),),
            info,
            f"give `{name}` a value that is {bounds}",
        )
    expected = " or ".join(types) or details[0]["msg"]
    return Diagnostic(
        "XL103",
        Severity.ERROR,
        f"`{name}` must be {expected}, not {shown(value)}",
        (span._replace(label=f"expected {expected}"),),
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
        (span._replace(label="not an option here"),),
        help="remove it",
    )


def _section(schema: type[BaseModel], path: Address) -> type[BaseModel] | None:
    """The schema of what is at `path`, where that is a section of the language or an entry of one."""
    annotation: Any = schema
    for step in path:
        annotation = _inside(annotation, step)
    members = (
        [annotation, *get_args(annotation)] if get_origin(annotation) in (None, Union, UnionType) else []
    )
    return next((one for one in members if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _inside(annotation: Any, step: str | int) -> Any:
    """The annotation of an entry, `step`, of what is annotated; None where there is none."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        by_name = {f.alias or name: f.annotation for name, f in annotation.model_fields.items()}
        return by_name.get(str(step))
    if get_origin(annotation) in (dict, list, tuple):
        return arguments[-1 if get_origin(annotation) is dict else 0]
    return next((found for one in arguments if (found := _inside(one, step)) is not None), None)


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
    return field is not None and not field.is_required() and field.default is not None
