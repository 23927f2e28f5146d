"""From the config.json of a published pair to the shortest spec that means the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from compiler.analysis import analyse
from compiler.checkpoint.source import Source
from compiler.configuration.generation import generation_document
from compiler.configuration.pair import IDS, read_pair
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
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
from compiler.weights.published_pairs import misread, unlike_published
from specs.language import VERSION
from specs.pairs import HALVES


def imported_pair(
    source: Source,
    document: Document,
    role: str | None,
    ignore: tuple[str, ...],
    tokens: Mapping[str, int],
) -> Imported:
    """The spec of a pair: `document` is its config.json. See `import_with_report`.

    Ids that the pair does not set itself are its decoder's.

    Raises:
        CrossloomError: every finding; XL114 where one half alone is asked for.
    """
    if role is not None:
        raise CrossloomError([_not_divided(role, document)])
    read = read_pair(document, ignore)
    known = {*document.data, *(name for one in HALVES for name in document.data[one])}
    findings = read.own.findings
    findings.report([*architecture_problems(document.data, read.pair), *idle_names(document, known, ignore)])
    fields = {one: {**read.families[one].config().model_dump(), **read.halves[one].fields} for one in HALVES}
    ids = {f"{name}_token_id": value for name, value in read.ids().items()}
    config = {**fields["decoder"], **ids}
    dropped = dict(read.dropped)
    generation = generation_document(source, ignore)
    sections = {"generation": generation_section(findings, generation, config)}
    for one in HALVES:
        sections |= processing_sections(findings, source, read.families[one], one, fields[one], dropped)
    if read.has_errors:
        raise CrossloomError(read.diagnostics)
    data: dict[str, Any] = {"crossloom": VERSION, "name": name_of(source), "weights": weights_of(source)}
    for one in HALVES:
        different = unusual_fields(read.families[one], read.halves[one].fields)
        data[one] = {"family": read.families[one].name} | ({"config": different} if different else {})
    own = {
        name: value
        for name, value in read.ids().items()
        if fields["decoder"].get(f"{name}_token_id") != value
    }
    if settled := tokens_section({**own, **tokens}, config, "decoder"):
        data["tokens"] = settled
    if ignore:
        data["ignore"] = {"config": sorted(ignore)}
    data |= {key: value for key, value in sections.items() if value}
    analysis = analyse(
        read_text(
            yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100), f"{data['name']}.yaml"
        )
    )
    if analysis.has_errors:
        for one in HALVES:
            data[one]["config"] = dict(read.halves[one].fields)  # as the file has them, defaults too
        raise CrossloomError(analyse(_in_place(document, generation, data)).diagnostics)
    spec, graph = analysis.sound()
    told = Findings(_in_place(document, generation, data))
    told.report([*misread(read.pair, spec, graph), *unlike_published(spec, graph)])
    if told.has_errors:
        raise CrossloomError(told.diagnostics)
    return Imported(spec, dropped, tuple(told.diagnostics))


def _in_place(config: Document, generation: Document | None, data: dict[str, Any]) -> Document:
    """The imported spec as if it were written in the checkpoint's files: a finding shows the field there."""

    def moved(place: Address) -> Address:
        if place[:1] and place[0] in HALVES:
            return (place[0], "family") if place[1:] == ("model_type",) else (place[0], "config", *place[1:])
        name = str(place[0]).removesuffix("_token_id") if place else ""
        return ("tokens", name, *place[1:]) if name in IDS else place

    values = {moved(place): span for place, span in config.values.items()}
    keys = {moved(place): span for place, span in config.keys.items()}
    if generation is not None:
        values |= {("generation", *place): span for place, span in generation.values.items() if place}
        keys |= {("generation", *place): span for place, span in generation.keys.items()}
    return replace(config, data=data, values=values, keys=keys)


def _not_divided(role: str, document: Document) -> Diagnostic:
    return Diagnostic(
        "XL114",
        Severity.ERROR,
        f"the checkpoint is of a pair, and holds no {role} by itself",
        (document.locate(("model_type",)),),
        ("its two halves are stored in one file, below their roles",),
        "import it without `--role` (role=None), or give the checkpoint that the half came from",
    )
