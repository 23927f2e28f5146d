"""From a checkpoint's configuration files to the shortest spec that means the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from compiler.analysis import analyse
from compiler.checkpoint.document import json_document
from compiler.checkpoint.resolve import resolve
from compiler.checkpoint.source import Source
from compiler.configuration.fields import read_configuration, unknown_family
from compiler.configuration.generation import generation_document
from compiler.configuration.pair import is_pair
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
from compiler.passes.findings import Findings
from compiler.reader import Document, read_text
from compiler.reader import Path as Address
from compiler.weights.halves import absent_half, class_above, untrained
from specs.families import family
from specs.family import Family, roles_of
from specs.language import VERSION


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
    role = role or _role(stated, document.data)
    configuration = read_configuration(document, stated, ignore)
    findings = configuration.findings
    findings.report(
        [*architecture_problems(document.data, stated), *idle_names(document, document.data, ignore)]
    )
    defaults = stated.config().model_dump()
    fields = configuration.fields
    config = unusual_fields(stated, fields)
    dropped = dict(configuration.dropped)
    generation = generation_document(opened, ignore)
    sections = {
        "generation": generation_section(findings, generation, {**defaults, **fields}),
        **processing_sections(findings, opened, stated, role or "model", {**defaults, **fields}, dropped),
    }
    if findings.has_errors:
        raise CrossloomError(findings.diagnostics)
    data: dict[str, Any] = {"crossloom": VERSION, "name": name_of(opened)}
    architecture = _architecture(stated, role, document.data, opened)
    data[role or "model"] = {
        "family": stated.name,
        **({"architecture": architecture} if architecture else {}),
        "weights": weights_of(opened),
        "config": config,
    }
    absent = absent_half(stated, role, config, opened) if role else []
    if ignored := {
        **({role: absent} if role and absent else {}),
        **({"config": sorted(ignore)} if ignore else {}),
    }:
        data["ignore"] = ignored
    if fresh := untrained(stated, role or "model", config, opened):
        data["fresh"] = fresh
    if settled := tokens_section(tokens or {}, {**defaults, **fields}, role):
        data["tokens"] = settled
    if role == "encoder":
        del sections["generation"]
    data |= {key: value for key, value in sections.items() if value}
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    analysis = analyse(read_text(text, f"{data['name']}.yaml"))
    if analysis.has_errors:
        data[role or "model"]["config"] = dict(fields)  # as the file has them, defaults too
        raise CrossloomError(
            analyse(_in_place(findings.document, generation, data, role or "model")).diagnostics
        )
    return Imported(analysis.sound()[0], dropped)


def _in_place(config: Document, generation: Document | None, data: dict[str, Any], role: str) -> Document:
    """The imported spec as if it were written in the checkpoint's files: a finding shows the field there."""

    def moved(place: Address) -> Address:
        return (role, "family") if place == ("model_type",) else (role, "config", *place)

    values = {moved(place) if place else (): span for place, span in config.values.items()}
    keys = {moved(place): span for place, span in config.keys.items()}
    if generation is not None:
        values |= {("generation", *place): span for place, span in generation.values.items() if place}
        keys |= {("generation", *place): span for place, span in generation.keys.items()}
    return replace(config, data=data, values=values, keys=keys)


def _architecture(stated: Family, role: str | None, data: Mapping[str, Any], opened: Source) -> str | None:
    """The class that a spec names: one above a half, or of a family whose classes differ in their parts."""
    if role is not None:
        return class_above(stated, role, data, opened)
    named: str | None = (data.get("architectures") or [None])[0]
    return named if stated.whole is not None and named != stated.architectures[0] else None


def _family(document: Document) -> Family:
    """The family that `model_type` names. Raises CrossloomError (XL110) where it names none."""
    if problem := unknown_family(document.data):
        findings = Findings(document)
        findings.report([problem])
        raise CrossloomError(findings.diagnostics)
    return family(document.data["model_type"])


def _role(stated: Family, data: Mapping[str, Any]) -> str | None:
    """The role of a checkpoint that is no whole model, None for one that is.

    Of a family of halves it is decoder if the checkpoint says so, else the first it can fill.
    """
    first, *others = roles_of(stated)
    if first == "model":
        published = data.get("architectures") or [None]
        return next((role for role, half in stated.halves.items() if half.architecture in published), None)
    return "decoder" if "decoder" in others and data.get("is_decoder") is True else first
