"""The language as a JSON Schema, for editors: descriptions, choices, and each family's own fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from compiler.stated import PURPOSES, sections_of
from specs.families import FAMILIES, family
from specs.family import Family, roles_of
from specs.language import Component, Half, SpecFile
from specs.signatures import SIGNATURES, Hyper, Signature
from specs.signatures.base import REQUIRED

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TYPES = {int: "integer", float: "number", str: "string", bool: "boolean", list: "array"}

Schema = dict[str, Any]


def language_schema() -> Schema:
    """The schema of a spec file. `config:` depends on `family:`, and `with:` on `block:`.

    A file with `extends:` may write null to remove an inherited key; everything else is as `check` has it.
    """
    whole = _plain(SpecFile.model_json_schema(by_alias=True))
    definitions: Schema = whole.pop("$defs")
    for name in FAMILIES:
        definitions[f"{name}_config"] = _plain(family(name).config.model_json_schema())
    definitions["Component"] = _by_family(definitions["Component"], Component)
    definitions["Half"] = _by_family(definitions["Half"], Half)
    definitions["GraphNode"] = _by_block(definitions["GraphNode"])
    for section in PURPOSES:
        whole["properties"][section] = _section(section, whole["properties"][section])
    return {"$schema": DIALECT, "title": "crossloom spec", **whole, "$defs": definitions}


def schema_text() -> str:
    """The schema as a file holds it."""
    return json.dumps(language_schema(), indent=2, ensure_ascii=False) + "\n"


def _by_family(schema: Schema, model: type[BaseModel]) -> Schema:
    """One alternative a family, told apart by the value of `family`; a graph too, where one may stand."""
    alternatives = [_of_family(schema, family(name)) for name in FAMILIES]
    told_by: Schema = {"family": {"enum": list(FAMILIES), "description": _said(schema, "family")}}
    shared: Schema = {}
    if "graph" in schema["properties"]:
        told_by["graph"] = {"$ref": "#/$defs/FreeGraph", "description": _said(schema, "graph")}
        own = {"graph": told_by["graph"], "weights": schema["properties"]["weights"]}
        alternatives.append(_alternative("graph", own))
    else:
        shared = {"required": ["family"], "discriminator": {"propertyName": "family"}}
    return {
        "description": schema.get("description", model.__doc__),
        "type": "object",
        **shared,
        "properties": told_by,
        "oneOf": alternatives,
    }


def _alternative(key: str, properties: Schema) -> Schema:
    """A part that is what `key` says."""
    return {
        "title": key,
        "type": "object",
        "additionalProperties": False,
        "required": [key],
        "properties": properties,
    }


def _of_family(schema: Schema, stated: Family) -> Schema:
    properties = {key: value for key, value in schema["properties"].items() if key != "graph"}
    return {
        **_alternative("family", properties),
        "title": stated.name,
        "properties": {
            **properties,
            "family": {"const": stated.name, "description": _said(schema, "family")},
            "architecture": {
                "enum": list(stated.architectures),
                "description": _said(schema, "architecture"),
            },
            "config": {"$ref": f"#/$defs/{stated.name}_config", "description": _said(schema, "config")},
        },
    }


def _by_block(schema: Schema) -> Schema:
    """Nodes: `with:` has the hyper-parameters of the `block:`."""
    properties = {**schema["properties"]}
    properties["block"] = {"enum": sorted(SIGNATURES), "description": _said(schema, "block")}
    conditions = [
        {
            "if": {"properties": {"block": {"const": kind}}, "required": ["block"]},
            "then": {"properties": {"with": _hypers(signature), "inputs": _ports(signature)}},
        }
        for kind, signature in sorted(SIGNATURES.items())
    ]
    return {**schema, "properties": properties, "allOf": conditions}


def _hypers(signature: Signature) -> Schema:
    return {
        "type": "object",
        "description": signature.summary,
        "additionalProperties": False,
        "required": [hyper.name for hyper in signature.hypers if hyper.default is REQUIRED],
        "properties": {hyper.name: _hyper(hyper) for hyper in signature.hypers},
    }


def _hyper(hyper: Hyper) -> Schema:
    if hyper.choices:
        value: Schema = {"enum": list(hyper.choices)}
    else:
        value = {"type": _TYPES[hyper.type]}
        bounds = {"minimum": hyper.minimum, "maximum": hyper.maximum}
        inner = value.setdefault("items", {}) if hyper.type is list else value
        if hyper.items is not None:
            inner["type"] = _TYPES[hyper.items]
        if hyper.items is list:
            inner = inner.setdefault("items", {"type": _TYPES[int]})
        inner.update({name: bound for name, bound in bounds.items() if bound is not None})
    if hyper.type is int:  # a size may also be the name of one under `dims:`
        value = {"anyOf": [value, {"type": "string"}]}
    described = {"description": hyper.description, **value}
    return described if hyper.default is REQUIRED else {**described, "default": hyper.default}


def _ports(signature: Signature) -> Schema:
    return {
        "type": "object",
        "description": "ports of the block: a graph input, or `node.port`",
        "additionalProperties": False,
        "required": [port.name for port in signature.inputs if not port.optional],
        "properties": {
            port.name: {"type": "string", "description": port.role.replace("_", " ")}
            for port in signature.inputs
        },
    }


def _section(name: str, schema: Schema) -> Schema:
    """The section of that name, of any family that states one."""
    models = [
        section.stated.section
        for one in map(family, FAMILIES)
        for role in roles_of(one)
        for section in sections_of(role, one)
        if section.key == name
    ]
    alternatives = [_plain(model.model_json_schema()) for model in dict.fromkeys(models)]
    return {"description": schema["description"], "anyOf": alternatives}


def _said(schema: Schema, field: str) -> str:
    return str(schema["properties"][field].get("description", ""))


def _plain(value: Any) -> Any:
    """Without the titles that repeat a field's name."""
    if isinstance(value, Mapping):
        named = {key: inner for key, inner in value.items() if key != "title" or not isinstance(inner, str)}
        return {key: _plain(inner) for key, inner in named.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
