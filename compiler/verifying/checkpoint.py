"""A checkpoint against a spec, by headers and config.json alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from compiler.analysis import analyse, analysis_of
from compiler.checkpoint.checkpoint import Checkpoint
from compiler.checkpoint.dtypes import holding
from compiler.checkpoint.findings import quoted
from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Source
from compiler.configuration.generation import differing_ids, generation_document, read_generation
from compiler.configuration.processing import assumed_front_end, processing_findings, vocabulary_findings
from compiler.configuration.tables import malformed_tables, missing_tables, tables_stated
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.places import id_address, spans_of, weights_address
from compiler.spec import Component, Spec
from compiler.verifying.configuration import compared
from compiler.weights.folding import folded
from compiler.weights.misfits import FLOATING
from compiler.weights.patterns import patterns_of
from compiler.weights.resolution import Resolution, resolve
from compiler.weights.table import WeightTable, pair_table, table_of
from specs.graph import Graph
from specs.values import written

_PARAMETERLESS = "XL4"
"""What the codes on tokens and front ends begin with: the model has its parameters all the same."""


@dataclass(frozen=True)
class Verified:
    """One component's checkpoint, and how it feeds the table; None where it could not be read."""

    component: str
    checkpoint: Checkpoint | None
    resolution: Resolution | None
    diagnostics: list[Diagnostic]


def verify_component(spec: Spec, table: WeightTable, component: str, source: Source) -> Verified:
    """Check one checkpoint: headers, names, shapes, config.json, vocabulary. No weight is read."""
    try:
        checkpoint = read_checkpoint(source)
    except CrossloomError as error:
        place = spans_of(spec, weights_address(spec, component), "this checkpoint")
        unread = [replace(finding, spans=finding.spans or place) for finding in error.diagnostics]
        return Verified(component, None, None, unread)
    patterns = patterns_of(spec, component)
    named_at = spec.origins.get(weights_address(spec, component))
    resolution, findings = resolve(table, component, checkpoint, patterns, named_at)
    parts = [component] if component in spec.parts else list(spec.components)
    found = compared(spec, component, source, component in table.maps)
    if found.is_another:
        return Verified(component, checkpoint, resolution, found.findings)
    findings += _of_files(spec, parts, source)
    if findings and any(found.differing.values()) and (settled := _with_fields(spec, found.differing)):
        # What only follows from a field that differs would be a second finding of one mistake, whichever
        # of the two is mistaken there.
        changed, graph = settled
        _, others = resolve(_same_layout(changed, graph, table), component, checkpoint, patterns, named_at)
        others += _of_files(changed, parts, source)
        findings = min(findings, others, key=len)
    return Verified(component, checkpoint, resolution, [*found.findings, *findings])


def _same_layout(spec: Spec, graph: Graph, table: WeightTable) -> WeightTable:
    """The table of a spec in the layout that another's is in."""
    if "model" in table.maps and "model" not in spec.components:
        return pair_table(spec, graph, spec.language.fresh if spec.whole is not None else ()) or table
    return table_of(spec, graph)


def _of_files(spec: Spec, roles: Iterable[str], source: Source) -> list[Diagnostic]:
    """What is wrong with the files beside config.json, for the families that fill some roles."""
    parts = (spec.components[role] for role in roles if role in spec.components)
    return list(chain.from_iterable(_file_findings(spec, part, source) for part in parts))


def _file_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """What is wrong with the files beside config.json."""
    yield from generation_findings(spec, component, source)
    yield from vocabulary_findings(spec, component, source)
    yield from processing_findings(spec, component, source)
    yield from assumed_front_end(spec, component, source)


def _with_fields(spec: Spec, fields: Mapping[str, Mapping[str, Any]]) -> tuple[Spec, Graph] | None:
    """The spec with other values of some fields of its configs, and its graph; None where there is none."""
    document = analysis_of(spec).document
    data = {key: value for key, value in document.data.items() if key != "extends"}  # it is merged in already
    for role, others in fields.items():
        part, config = data[role], {**(data[role].get("config") or {}), **others}
        if spec.components[role].rows is not None and "vocab_size" in others:
            part = {**part, "rows": {**part["rows"], "stored": others["vocab_size"]}}
            config["vocab_size"] = spec.components[role].config["vocab_size"]
        data[role] = {**part, "config": config}
    changed = analyse(replace(document, data=data))
    errors = [one.code for one in changed.diagnostics if one.severity is Severity.ERROR]
    if (
        changed.spec is None
        or changed.graph is None
        or not all(code.startswith(_PARAMETERLESS) for code in errors)
    ):
        return None
    return changed.spec, changed.graph


def generation_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """What generation would refuse in the checkpoint's own options, and XL505 for other special ids."""
    document = generation_document(source, spec.language.ignore.config, tables_stated(spec))
    yield from malformed_tables(source, tables_stated(spec), component.config)
    yield from missing_tables(spec, source, _methods(spec))
    if component.role == "encoder" or document is None:
        return
    yield from read_generation(document, spec.config, spec.generation, spec.maximum_target).diagnostics
    for name, stored, value in differing_ids(document, spec.config, spec.generation):
        address = id_address(spec, component.role, name.removesuffix("_token_id"))
        own = written(stored)
        yield Diagnostic(
            "XL505",
            Severity.ERROR,
            f"`{name}` is {written(value)} in the spec and {own} in the checkpoint's generation options",
            spans_of(spec, address, f"{document.file} says {own}"),
            ("generation would use one of them, and training the other",),
            f"set `{name}: {own}` under `generation:` to generate with it, or set it in the config",
        )


def _methods(spec: Spec) -> Collection[str]:
    """The methods of the model that a spec describes."""
    graph = analysis_of(spec).graph
    return () if graph is None else graph.sections().keys()


def stored_dtypes(verified: Iterable[Verified]) -> dict[str, list[str]]:
    """dtype of a parameter -> stored names that feed one; the dtype of the most tensors first."""
    names: dict[str, list[str]] = {}
    for one in verified:
        if one.checkpoint and one.resolution:
            for name in chain.from_iterable(one.resolution.feeds.values()):
                dtype = one.checkpoint.tensors[name].dtype
                if dtype in FLOATING:
                    names.setdefault(dtype, []).append(name)
    return dict(sorted(names.items(), key=lambda item: -len(item[1])))


def dtype_findings(spec: Spec, verified: list[Verified]) -> Iterator[Diagnostic]:
    """XL519 where parameters are stored in several dtypes."""
    stored = stored_dtypes(verified)
    if len(stored) < 2:
        return
    counts = " and ".join(f"{len(names)} as {dtype}" for dtype, names in stored.items())
    listed = [f"{dtype}: {quoted(folded(names))}" for dtype, names in list(stored.items())[1:]]
    common = holding(set(stored))
    yield Diagnostic(
        "XL519",
        Severity.WARNING,
        f"the tensors are stored in several dtypes: {counts}",
        spans_of(spec, weights_address(spec, verified[-1].component), "this checkpoint"),
        (*listed, f"all are loaded, and would be exported, as {common}, which holds every one of them"),
        "choose a dtype with `load(..., dtype=...)`, or save the checkpoint in one",
    )
