"""A checkpoint against a spec, by headers and config.json alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from compiler.analysis import analyse, analysis_of
from compiler.checkpoint.checkpoint import Checkpoint
from compiler.checkpoint.document import json_document
from compiler.checkpoint.dtypes import holding
from compiler.checkpoint.findings import quoted
from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Source
from compiler.configuration import read_configuration, same, unknown_family
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.generation_file import differing_ids, generation_document, read_generation
from compiler.places import id_address, spans_of, weights_address
from compiler.processing_files import assumed_front_end, processing_findings, vocabulary_findings
from compiler.spec import HALVES, Component, Spec
from compiler.weights.folding import folded
from compiler.weights.patterns import patterns_of
from compiler.weights.resolution import FLOATING, Resolution, resolve
from compiler.weights.table import WeightTable, table_of
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
        found = [replace(finding, spans=finding.spans or place) for finding in error.diagnostics]
        return Verified(component, None, None, found)
    patterns = patterns_of(spec, component)
    named_at = spec.origins.get(weights_address(spec, component))
    resolution, findings = resolve(table, component, checkpoint, patterns, named_at)
    stated = spec.components.get(component)
    if stated is None:
        if component not in spec.parts:  # a whole that is put together: beside it are the files of its parts
            findings += chain.from_iterable(
                _file_findings(spec, one, source) for one in spec.components.values()
            )
        return Verified(component, checkpoint, resolution, findings)
    if (another := _another_family(spec, stated, source)) is not None:
        return Verified(component, checkpoint, resolution, [another])
    told, differing = configuration_findings(spec, stated, source)
    findings += _file_findings(spec, stated, source)
    if findings and differing and (settled := _with_fields(spec, stated, differing)):
        # What only follows from a field that differs would be a second finding of one mistake, whichever
        # of the two is mistaken there.
        changed, graph = settled
        _, others = resolve(table_of(changed, graph), component, checkpoint, patterns, named_at)
        others += _file_findings(changed, changed.components[component], source)
        findings = min(findings, others, key=len)
    return Verified(component, checkpoint, resolution, [*told, *findings])


def _file_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """What is wrong with the files beside config.json."""
    yield from generation_findings(spec, component, source)
    yield from vocabulary_findings(spec, component, source)
    yield from processing_findings(spec, component, source)
    yield from assumed_front_end(spec, component, source)


def _with_fields(spec: Spec, component: Component, fields: Mapping[str, Any]) -> tuple[Spec, Graph] | None:
    """The spec with other values of some fields of a config, and its graph; None where there is none."""
    document = analysis_of(spec).document
    data = {key: value for key, value in document.data.items() if key != "extends"}  # it is merged in already
    part = data[component.role]
    data[component.role] = {**part, "config": {**(part.get("config") or {}), **fields}}
    changed = analyse(replace(document, data=data))
    errors = [one.code for one in changed.diagnostics if one.severity is Severity.ERROR]
    if (
        changed.spec is None
        or changed.graph is None
        or not all(code.startswith(_PARAMETERLESS) for code in errors)
    ):
        return None
    return changed.spec, changed.graph


def exchanged(spec: Spec, sources: Mapping[str, Source]) -> Diagnostic | None:
    """XL505 where each half names the checkpoint of the other: neither fits its own, and both the other's."""
    first, last = (spec.components.get(role) for role in HALVES)
    if first is None or last is None or not sources.keys() >= set(HALVES):
        return None
    ours, theirs = (sources[role] for role in HALVES)
    if _fits(spec, first, ours) or _fits(spec, last, theirs):
        return None
    if not (_fits(spec, first, theirs) and _fits(spec, last, ours)):
        return None
    return Diagnostic(
        "XL505",
        Severity.ERROR,
        "the checkpoints of encoder and decoder are exchanged",
        (
            *spans_of(spec, "encoder.weights", "this is the decoder's"),
            *spans_of(spec, "decoder.weights", "this is the encoder's"),
        ),
        ("the config.json of each describes the other half",),
        "exchange the two",
    )


def _fits(spec: Spec, component: Component, source: Source) -> bool:
    """Whether a checkpoint's config.json describes a part."""
    if not source.has("config.json") or _another_family(spec, component, source) is not None:
        return False
    told, _ = configuration_findings(spec, component, source)
    return not told


def _another_family(spec: Spec, component: Component, source: Source) -> Diagnostic | None:
    """XL505 where the checkpoint is of another family: nothing else can be compared then."""
    if not source.has("config.json"):
        return None
    document = json_document(source, "config.json")
    named = document.data.get("model_type")
    if named is None or named == component.family.name:
        return None
    return Diagnostic(
        "XL505",
        Severity.ERROR,
        f"config.json describes a `{named}`, and the spec a `{component.family.name}`",
        spans_of(spec, f"{component.role}.family", "stated here"),
        (f"in {document.file}",),
        f"set `family: {named}`, or give another checkpoint",
    )


def configuration_findings(
    spec: Spec, component: Component, source: Source
) -> tuple[list[Diagnostic], dict[str, Any]]:
    """What import would refuse in the checkpoint's config.json, and XL505 where it contradicts the spec.

    Also the fields that contradict it, with the checkpoint's values. Fields that do not change what is
    computed may differ.
    """
    if not source.has("config.json"):
        missing = Diagnostic(
            "XL505",
            Severity.WARNING,
            f"{source} has no config.json to compare with the spec",
            spans_of(spec, f"{component.role}.weights", "this checkpoint"),
            ("shapes cannot show head counts, activations, scaling or ids",),
            "add the checkpoint's config.json",
        )
        return [missing], {}
    family = component.family
    document = json_document(source, "config.json")
    ignored = frozenset(spec.language.ignore.config)
    configuration = read_configuration(document, family, ignored)
    findings = configuration.findings
    if document.data.get("model_type") is None and "model_type" not in ignored:
        findings.report(filter(None, [unknown_family(document.data)]))
    told = list(findings.diagnostics)
    stored = {**family.config().model_dump(), **configuration.fields}
    differing = {}
    for name, value in component.config.items():
        if name in family.inert | ignored or findings.is_poisoned(name) or same(stored[name], value):
            continue
        differing[name] = stored[name]
        said = "says" if name in configuration.fields else "leaves the default"
        own = written(stored[name])
        told.append(
            Diagnostic(
                "XL505",
                Severity.ERROR,
                f"`{name}` is {written(value)} in the spec and {own} in config.json",
                spans_of(spec, f"{component.role}.config.{name}", f"config.json {said} {own}"),
                (f"in {document.file}", "the checkpoint was trained with its own value"),
                f"set `{name}: {own}`",
            )
        )
    return told, differing


def generation_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """What generation would refuse in the checkpoint's own options, and XL505 for other special ids."""
    document = generation_document(source, spec.language.ignore.config)
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
