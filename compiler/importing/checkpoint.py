"""From a checkpoint's configuration files to the shortest spec that means the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from compiler.analysis import Analysis, analyse
from compiler.checkpoint.document import json_document
from compiler.checkpoint.resolve import resolve
from compiler.checkpoint.source import Source
from compiler.configuration.fields import read_configuration, unknown_family
from compiler.configuration.generation import generation_document
from compiler.configuration.pair import is_pair
from compiler.configuration.tables import malformed_tables, read_tables
from compiler.diagnostics.model import CrossloomError
from compiler.importing.pair import imported_pair
from compiler.importing.sections import (
    Imported,
    architecture_problems,
    generation_section,
    idle_names,
    name_of,
    processing_sections,
    tokens_section,
    unusual_fields,
    weights_of,
)
from compiler.importing.writing import analysed, filled, in_place
from compiler.passes.findings import Findings
from compiler.reader import Document
from compiler.reader import Path as Address
from compiler.spec import HALVES
from compiler.weights.halves import absent_half, class_above, untrained
from compiler.weights.table import table_of
from specs.families import family
from specs.family import Family, roles_of
from specs.language import VERSION
from specs.values import View


def import_with_report(
    source: str | Path | Source,
    role: str | None = None,
    ignore: tuple[str, ...] = (),
    tokens: Mapping[str, int] | None = None,
    **access: Any,
) -> Imported:
    """Read config.json and the files beside it.

    `role` makes a lone encoder or decoder of the model; a family that is no whole model takes the role its
    config.json says. The tensors of the other half are named under `ignore:`, and under `fresh:` what the
    family may lack and the checkpoint does. `ignore` names fields of config.json. `tokens` are ids for the
    spec's `tokens:`; a start id that is set nowhere is the beginning of a sentence, and a pad id its end, as
    in the public implementation.

    Raises:
        CrossloomError: every finding.
    """
    opened = resolve(source, **access)
    document = json_document(opened, "config.json")
    if is_pair(document):
        return imported_pair(opened, document, role, ignore, tokens or {})
    stated = _family(document)
    return _imported(opened, document, stated, role or _role(stated, document.data), ignore, tokens or {})


def _imported(
    opened: Source,
    document: Document,
    stated: Family,
    role: str,
    ignore: tuple[str, ...],
    tokens: Mapping[str, int],
) -> Imported:
    """The spec of one family; `document` is its config.json."""
    configuration = read_configuration(document, stated, ignore)
    findings = configuration.findings
    findings.report(
        [*architecture_problems(document.data, stated), *idle_names(document, document.data, ignore)]
    )
    config = {**stated.config().model_dump(), **configuration.fields}
    dropped = dict(configuration.dropped)
    generation = generation_document(opened, ignore, stated.tables)
    for finding in malformed_tables(opened, stated.tables, config):
        findings.add(finding)
    options = generation_section(findings, generation, config)
    architecture = _architecture(stated, role, document.data, opened)
    view = View(config, f"{role}.config", architecture)
    beside = processing_sections(findings, opened, stated, view, config, dropped)
    if findings.has_errors:
        raise CrossloomError(findings.diagnostics)
    for name, table in read_tables(opened, stated.tables).items():
        dropped[f"generation.{name}"] = f"a table of {len(table):,} entries, read where the weights are"
    data: dict[str, Any] = {
        "crossloom": VERSION,
        "name": name_of(opened),
        role: _part(stated, architecture, configuration.fields, opened),
        "ignore": _ignored(stated, role, configuration.fields, ignore, opened),
        "fresh": [],
        "tokens": tokens_section(tokens, config, role),
        "generation": {} if role == "encoder" else options,
        **beside,
    }
    analysis = _with_fresh(data, stated, role, opened)
    if analysis.has_errors:
        data[role]["config"] = dict(configuration.fields)  # as the file has them, defaults too
        placed = in_place(filled(data), findings.document, generation, _moved(role))
        raise CrossloomError(analyse(placed).diagnostics)
    return Imported(analysis.sound()[0], dropped)


def _part(
    stated: Family, architecture: str | None, fields: Mapping[str, Any], source: Source
) -> dict[str, Any]:
    """The model or half itself."""
    return {
        "family": stated.name,
        **({"architecture": architecture} if architecture else {}),
        "weights": weights_of(source),
        "config": unusual_fields(stated, fields),
    }


def _architecture(stated: Family, role: str, data: Mapping[str, Any], source: Source) -> str | None:
    """The class that a spec names: one above a half, or of a family whose classes differ in their parts."""
    if role in HALVES:
        return class_above(stated, role, data, source)
    named: str | None = (data.get("architectures") or [None])[0]
    return named if stated.whole is not None and named != stated.architectures[0] else None


def _ignored(
    stated: Family, role: str, fields: Mapping[str, Any], named: tuple[str, ...], source: Source
) -> dict[str, list[str]]:
    """What a lone half does not read of the checkpoint, and the fields that are left out by name."""
    absent = absent_half(stated, role, unusual_fields(stated, fields), source) if role in HALVES else []
    return filled({role: absent, "config": sorted(named)})


def _with_fresh(data: dict[str, Any], stated: Family, role: str, source: Source) -> Analysis:
    """The spec; under `fresh:`, in `data` too, whatever of it the checkpoint has no tensors for."""
    analysis = analysed(filled(data))
    if analysis.has_errors or not stated.untrained:
        return analysis
    data["fresh"] = untrained(stated, role, table_of(*analysis.sound()), source)
    return analysed(filled(data)) if data["fresh"] else analysis


def _moved(role: str) -> Callable[[Address], Address]:
    """From a place in config.json to that in the spec."""
    return lambda place: (role, "family") if place == ("model_type",) else (role, "config", *place)


def _family(document: Document) -> Family:
    """The family that `model_type` names. Raises CrossloomError (XL110) where it names none."""
    if problem := unknown_family(document.data):
        findings = Findings(document)
        findings.report([problem])
        raise CrossloomError(findings.diagnostics)
    return family(document.data["model_type"])


def _role(stated: Family, data: Mapping[str, Any]) -> str:
    """The role of a checkpoint where none is asked for.

    A half of a whole family is one where its class is; of a family of halves it is decoder if the checkpoint
    says so, else the first it can fill.
    """
    first, *others = roles_of(stated)
    if first == "model":
        published = data.get("architectures") or [None]
        halves = stated.halves.items()
        return next((role for role, half in halves if half.architecture in published), first)
    return "decoder" if "decoder" in others and data.get("is_decoder") is True else first
