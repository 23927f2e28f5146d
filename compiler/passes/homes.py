"""Where in a spec a key belongs that stands in the wrong place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel

from compiler.passes.editing import value_at
from compiler.reader import Document
from compiler.reader import Path as Address
from compiler.spec import HALVES
from compiler.stated import sections_of
from specs.families import FAMILIES, family
from specs.family import Family
from specs.generation import GenerationOptions
from specs.language import Component, FreeGraph, GraphInput, GraphNode, Half, SpecFile, Tokens
from specs.signatures import SIGNATURES
from specs.synonyms import synonyms

Sections: TypeAlias = Iterator[tuple[Address, Collection[str]]]

_ROLES = ("model", *HALVES)


def keys_of(schema: type[BaseModel]) -> list[str]:
    """The keys of a section, as a spec writes them."""
    return [field.alias or name for name, field in schema.model_fields.items()]


def homes(path: Address, document: Document) -> list[Address]:
    """Where the key at `path` would be one, under its own name or else under that of the same thing.

    The nearest sections come first, and none beyond those that have it. A section is one that the spec has,
    or could have in its form.
    """
    data, name = document.data, str(path[-1])
    if not isinstance(data, dict) or "crossloom" not in data:
        return []  # another kind of file, such as the options of a training
    for names_in in (_itself, synonyms):
        for sections in (_around(path, data), _of_language(path, data), _of_files(data)):
            found = [
                (*section, one)
                for section, keys in sections
                if section != path[:-1]
                for one in names_in(name, keys)
            ]
            if found:
                return found
    return [(*section, name) for section in sections_for(value_at(data, path), path, data)]


def _itself(name: str, known: Collection[str]) -> list[str]:
    return [name] if name in known else []


def sections_for(value: object, path: Address, data: Mapping[str, Any]) -> Iterator[Address]:
    """The sections of a graph that hold entries like this one, each under a name of its own.

    `path` is where the entry stands.
    """
    if not isinstance(value, dict):
        return
    for section, entry in (("inputs", GraphInput), ("nodes", GraphNode)):
        if {name for name, field in entry.model_fields.items() if field.is_required()} <= value.keys():
            yield from ((*graph, section) for graph in _graphs(path, data))


def _graphs(path: Address, data: Mapping[str, Any]) -> list[Address]:
    """The graphs that what is at `path` may belong to: the one around it, that of its half, or any."""
    halves = [role for role in HALVES if isinstance(data.get(role), dict) and "graph" in data[role]]
    found: list[Address] = [("graph",)] if "graph" in data else []
    found += [(role, "graph") for role in halves]
    return [graph for graph in found if graph[:1] == path[:1]] or found


def within(section: Address) -> str:
    """A section as a place to put a key."""
    if not section:
        return "at the top of the spec, beside `name:`"
    return f"under `{': '.join(map(str, section))}:`"


def _around(path: Address, data: Mapping[str, Any]) -> Sections:
    """The sections of the graph's node that holds the key."""
    graph = next(
        (graph for graph in _graphs(path, data) if path[: len(graph) + 1] == (*graph, "nodes")), None
    )
    if graph is None or len(path) < len(graph) + 3:
        return
    place = path[: len(graph) + 2]
    signature = SIGNATURES.get(str(value_at(data, place).get("block")))
    if signature is not None:
        yield (*place, "with"), [hyper.name for hyper in signature.hypers]
        yield (*place, "inputs"), [port.name for port in signature.inputs]
    yield place, keys_of(GraphNode)


def _of_language(path: Address, data: Mapping[str, Any]) -> Sections:
    yield (), [key for key in keys_of(SpecFile) if key != "weights" or "model" not in data]
    yield ("generation",), keys_of(GenerationOptions)
    for graph in _graphs(path, data):
        yield graph, keys_of(FreeGraph)
    if "model" not in data:
        yield ("tokens",), keys_of(Tokens)
    for role, stated in _families(data):
        yield (role,), keys_of(Half if role in HALVES else Component)
        if stated is not None and "config" not in path[:-1]:
            yield (role, "config"), keys_of(stated.config)


def _of_files(data: Mapping[str, Any]) -> Sections:
    """The sections that hold the fields of a front end's and a tokenizer's file."""
    for role, stated in _families(data):
        if stated is not None:
            for section in sections_of(role, stated):
                yield (section.key,), keys_of(section.stated.section)


def _families(data: Mapping[str, Any]) -> Iterator[tuple[str, Family | None]]:
    for role in _ROLES:
        section = data.get(role)
        if isinstance(section, dict):
            name = section.get("family")
            yield role, family(name) if isinstance(name, str) and name in FAMILIES else None
