"""Read a checkpoint's processor and tokenizer files as sections of a spec.

Addresses are those the fields have in the imported spec; messages name the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from specs.problems import Problem
from specs.processing.stated import Section


def read_object(
    name: str, text: bytes | None, address: str, problems: list[Problem]
) -> dict[str, Any] | None:
    """The JSON object of a file, None where it is absent; what is no object is added to the problems."""
    if text is None:
        return None
    at = ((address, "read from it"),)
    try:
        contents = json.loads(text)
    except (ValueError, RecursionError) as error:
        problems.append(
            Problem("XL106", f"`{name}` is not readable as JSON: {error}", at, help="replace the file")
        )
        return None
    if not isinstance(contents, dict):
        problems.append(Problem("XL103", f"`{name}` holds no JSON object", at, help="replace the file"))
        return None
    return contents


@dataclass(frozen=True)
class ImportedSection:
    """One file read as a section of a spec: the fields that differ from the class defaults."""

    fields: dict[str, Any]
    dropped: dict[str, str]
    problems: list[Problem]


def import_section(
    section: type[Section],
    contents: Mapping[str, Any],
    *,
    file: str,
    inert: Mapping[str, str],
    required: Mapping[str, Any],
    address: str,
) -> ImportedSection:
    """Sort the fields of a Hub file: known, inert (dropped with its reason), refused, or unknown.

    `required` holds fields with the only value they may have. Addresses begin with `address`.
    """
    fields: dict[str, Any] = {}
    dropped: dict[str, str] = {}
    problems: list[Problem] = []
    for name, value in contents.items():
        at = ((f"{address}.{name}", "set here"),)
        if name in section.model_fields:
            fields[name] = value
        elif name in inert:
            dropped[f"{address}.{name}"] = inert[name]
        elif name in required:
            if value == required[name]:
                dropped[f"{address}.{name}"] = "has the only supported value"
            else:
                problems.append(_refused(file, name, value, required[name], at))
        else:
            problems.append(
                Problem(
                    "XL115",
                    f"`{file}`: unknown field `{name}`",
                    at,
                    info=("a field nobody reads could change what the published class computes",),
                    help=f"remove `{name}`, or ignore it by name if it has no effect",
                )
            )
    problems.extend(_invalid(section, fields, file, address))
    defaults = {} if problems else section().model_dump()
    shortest = {
        name: value for name, value in fields.items() if name not in defaults or defaults[name] != value
    }
    return ImportedSection(shortest, dropped, problems)


FRONT_END_FILES = ("processor_config.json", "preprocessor_config.json")
"""Files that state a front end, where they exist."""


def read_front_end(
    section: type[Section],
    address: str,
    contents: Mapping[str, bytes],
    inert: Mapping[str, str],
    prepared: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> ImportedSection | None:
    """The section of a front end that a checkpoint's files mean, None where there are none.

    As in the published classes, the part inside `processor_config.json` comes before the older file.
    `prepared` gives the fields of a file as the section spells them.
    """
    problems: list[Problem] = []
    nested, plain = (read_object(name, contents.get(name), address, problems) for name in FRONT_END_FILES)
    file = FRONT_END_FILES[1]
    part = next((name for name in ("feature_extractor", "image_processor") if name in (nested or {})), None)
    if nested is not None and part is not None:
        file = FRONT_END_FILES[0]
        surplus = {name: value for name, value in nested.items() if name not in (part, "tokenizer")}
        plain = {**surplus, **nested[part]}
    if plain is None:
        return ImportedSection({}, {}, problems) if problems else None
    found = import_section(section, prepared(plain), file=file, inert=inert, required={}, address=address)
    return replace(found, problems=problems + found.problems)


def _refused(file: str, name: str, value: Any, supported: Any, at: tuple[tuple[str, str], ...]) -> Problem:
    return Problem(
        "XL116",
        f"`{file}`: `{name}: {json.dumps(value)}` is not supported",
        at,
        info=(f"only {json.dumps(supported)} is",),
        help=f"set `{name}` to {json.dumps(supported)}",
    )


def _invalid(section: type[Section], fields: Mapping[str, Any], file: str, address: str) -> list[Problem]:
    try:
        section.model_validate(dict(fields))
    except ValidationError as error:
        return [_problem_of(found, file, address) for found in error.errors()]
    return []


def _problem_of(found: ErrorDetails, file: str, address: str) -> Problem:
    field = ".".join(map(str, found["loc"]))
    expected = found["msg"][:1].lower() + found["msg"][1:]
    return Problem(
        "XL116" if found["type"] in _NOT_SUPPORTED else "XL103",
        f"`{file}`: `{field}`: {expected}, not {json.dumps(found['input'])}",
        ((f"{address}.{field}", "set here"),),
        help=f"correct `{field}`",
    )


_NOT_SUPPORTED = (
    "literal_error",
    "less_than_equal",
    "greater_than_equal",
    "greater_than",
    "string_too_short",
)
"""Pydantic's names for a value of the right type that is not one of those supported."""


def contradictions(
    section: Section, imported: Mapping[str, Any] | None, free: frozenset[str], address: str
) -> list[Problem]:
    """XL505 for each field in which a spec's section and the checkpoint's own file differ.

    `imported` is the section that the file means, None where there is no file; `free` names the
    fields in which a spec may choose otherwise.
    """
    if imported is None:
        return []
    stated = section.model_dump()
    stored = {**type(section)().model_dump(), **imported}
    return [
        Problem(
            "XL505",
            f"the checkpoint was made with `{name}: {json.dumps(stored[name])}`, "
            f"the spec says {json.dumps(value)}",
            ((f"{address}.{name}", "differs"),),
            info=("the model would hear, or write, something else than it was trained on",),
            help=f"set `{address}.{name}` to {json.dumps(stored[name])}",
        )
        for name, value in stated.items()
        if name not in free and stored[name] != value
    ]
