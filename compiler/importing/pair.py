"""From the config.json of a published pair to the shortest spec that means the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.analysis import analyse
from compiler.checkpoint.source import Source
from compiler.configuration.generation import generation_document
from compiler.configuration.pair import IDS, PairConfiguration, read_pair
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
from compiler.importing.writing import analysed, filled, in_place
from compiler.passes.findings import Findings
from compiler.reader import Document
from compiler.reader import Path as Address
from compiler.spec import Spec
from compiler.weights.published_pairs import misread, unlike_published
from specs.language import VERSION
from specs.pairs import HALVES
from specs.values import View


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
    config = {**fields["decoder"], **{f"{name}_token_id": value for name, value in read.ids().items()}}
    dropped = dict(read.dropped)
    generation = generation_document(source, ignore)
    options = generation_section(findings, generation, config)
    beside: dict[str, Any] = {}
    for one in HALVES:
        beside |= processing_sections(
            findings, source, read.families[one], View(fields[one], f"{one}.config"), fields[one], dropped
        )
    if read.has_errors:
        raise CrossloomError(read.diagnostics)
    data: dict[str, Any] = {
        "crossloom": VERSION,
        "name": name_of(source),
        "weights": weights_of(source),
        **{one: _half(read, one) for one in HALVES},
        "tokens": tokens_section({**_own_ids(read, fields["decoder"]), **tokens}, config, "decoder"),
        "ignore": {"config": sorted(ignore)} if ignore else {},
        "generation": options,
        **beside,
    }
    spec, told = _sound(filled(data), read, document, generation)
    return Imported(spec, dropped, told)


def _half(read: PairConfiguration, role: str) -> dict[str, Any]:
    """One half, as short as it can be."""
    fields = unusual_fields(read.families[role], read.halves[role].fields)
    return {"family": read.families[role].name, **filled({"config": fields})}


def _own_ids(read: PairConfiguration, decoder: Mapping[str, Any]) -> dict[str, int]:
    """The ids that the pair sets otherwise than its decoder's config does."""
    return {name: value for name, value in read.ids().items() if decoder.get(f"{name}_token_id") != value}


def _sound(
    data: dict[str, Any], read: PairConfiguration, document: Document, generation: Document | None
) -> tuple[Spec, tuple[Diagnostic, ...]]:
    """The spec, and what there is to know of the published class. CrossloomError: every finding."""
    analysis = analysed(data)
    if analysis.has_errors:
        whole = {one: {**data[one], "config": dict(read.halves[one].fields)} for one in HALVES}
        placed = in_place({**data, **whole}, document, generation, _moved)  # defaults too
        raise CrossloomError(analyse(placed).diagnostics)
    spec, graph = analysis.sound()
    told = Findings(in_place(data, document, generation, _moved))
    told.report([*misread(read.pair, spec, graph), *unlike_published(spec, graph)])
    if told.has_errors:
        raise CrossloomError(told.diagnostics)
    return spec, tuple(told.diagnostics)


def _moved(place: Address) -> Address:
    """From a place in config.json to that in the spec."""
    if place[0] in HALVES:
        return (place[0], "family") if place[1:] == ("model_type",) else (place[0], "config", *place[1:])
    name = str(place[0]).removesuffix("_token_id")
    return ("tokens", name, *place[1:]) if name in IDS else place


def _not_divided(role: str, document: Document) -> Diagnostic:
    return Diagnostic(
        "XL114",
        Severity.ERROR,
        f"the checkpoint is of a pair, and holds no {role} by itself",
        (document.locate(("model_type",)),),
        ("its two halves are stored in one file, below their roles",),
        "import it without `--role` (role=None), or give the checkpoint that the half came from",
    )
