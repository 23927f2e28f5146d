"""A checkpoint's config.json against a spec: shapes cannot show everything that changes what is computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from compiler.checkpoint.document import json_document
from compiler.checkpoint.source import Source
from compiler.configuration.fields import Configuration, read_configuration, same, unknown_family
from compiler.configuration.generation import differing_ids, generation_document
from compiler.configuration.pair import PairConfiguration, is_pair, read_pair
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.places import id_address, spans_of, weights_address
from compiler.reader import Document
from compiler.spec import Component, Spec
from specs.generation import SEARCH_IDS
from specs.pairs import HALVES
from specs.values import written


@dataclass(frozen=True)
class Compared:
    """What a config.json says otherwise.

    Attributes:
        differing: role -> the fields that contradict the spec, with the checkpoint's values.
        is_another: whether it is of another model, so that nothing else can be compared.
    """

    findings: list[Diagnostic] = field(default_factory=list)
    differing: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_another: bool = False


def compared(spec: Spec, role: str, source: Source, is_published: bool) -> Compared:
    """What import would refuse in the config.json of a checkpoint, and XL505 where it contradicts the spec.

    `role` is that of the checkpoint. One in our own layout, not `is_published`, needs none: its spec is
    beside it. Fields that do not change what is computed may differ.
    """
    if not source.has("config.json"):
        return Compared([_unstated(spec, role, source)] if is_published else [])
    document = json_document(source, "config.json")
    if role in spec.components:
        return _compared_part(spec, spec.components[role], document)
    if set(HALVES) != spec.components.keys():
        return Compared()
    return _compared_pair(spec, document, source)


def _compared_part(spec: Spec, component: Component, document: Document) -> Compared:
    if another := _another_family(spec, component, document.data.get("model_type"), document):
        return Compared([another], is_another=True)
    ignored = frozenset(spec.language.ignore.config)
    configuration = read_configuration(document, component.family, ignored)
    if document.data.get("model_type") is None and "model_type" not in ignored:
        configuration.findings.report(filter(None, [unknown_family(document.data)]))
    told, differing = _differing(spec, component, configuration, document.file)
    return Compared([*configuration.findings.diagnostics, *told], {component.role: differing})


def _compared_pair(spec: Spec, document: Document, source: Source) -> Compared:
    if not is_pair(document):
        return Compared([_no_pair(spec, document)], is_another=True)
    try:
        read = read_pair(document, spec.language.ignore.config)
    except CrossloomError as error:
        return Compared(error.diagnostics, is_another=True)
    others = [
        another
        for role, stated in read.families.items()
        if (another := _another_family(spec, spec.components[role], stated.name, document))
    ]
    if others:
        return Compared(others, is_another=True)
    told, differing = list(read.diagnostics), {}
    for role, component in spec.components.items():
        found, differing[role] = _differing(spec, component, read.halves[role], document.file)
        told += found
    told += _differing_ids(spec, read, source, differing["decoder"], document.file)
    return Compared(told, differing)


def _differing(
    spec: Spec, component: Component, configuration: Configuration, file: str
) -> tuple[list[Diagnostic], dict[str, Any]]:
    """XL505 for every field of a part that a config.json gives otherwise, and its values there."""
    family = component.family
    ignored = family.inert | frozenset(spec.language.ignore.config)
    stored = {**family.config().model_dump(), **configuration.fields}
    told, differing = [], {}
    expected = dict(component.config)
    places = {name: f"{component.role}.config.{name}" for name in expected}
    if component.rows is not None:  # they say how many ids the checkpoint has
        expected["vocab_size"], places["vocab_size"] = component.rows.stored, f"{component.role}.rows.stored"
    for name, value in expected.items():
        if name in ignored or configuration.findings.is_poisoned(name) or same(stored[name], value):
            continue
        differing[name] = stored[name]
        said = "says" if name in configuration.fields else "leaves the default"
        own = written(stored[name])
        told.append(
            Diagnostic(
                "XL505",
                Severity.ERROR,
                f"`{name}` is {written(value)} in the spec and {own} in config.json",
                spans_of(spec, places[name], f"config.json {said} {own}"),
                (f"in {file}", "the checkpoint was trained with its own value"),
                f"set `{name}: {own}`",
            )
        )
    return told, differing


def _differing_ids(
    spec: Spec, read: PairConfiguration, source: Source, differing: Mapping[str, Any], file: str
) -> Iterator[Diagnostic]:
    """XL505 for ids that a pair's config.json sets beside its halves, where nothing else tells of them."""
    beside = generation_document(source, spec.language.ignore.config)
    told = {name for name, *_ in differing_ids(beside, spec.config, spec.generation)} if beside else set()
    for name in SEARCH_IDS:
        own, value = read.own.fields.get(name), spec.config.get(name)
        if own is None or own == value or name in told | differing.keys():
            continue
        address = id_address(spec, "decoder", name.removesuffix("_token_id"))
        yield Diagnostic(
            "XL505",
            Severity.ERROR,
            f"`{name}` is {written(value)} in the spec and {written(own)} in config.json",
            spans_of(spec, address, f"config.json says {written(own)}"),
            (f"in {file}, beside its two halves", "labels are shifted and padded with these ids"),
            f"write `tokens: {{{name.removesuffix('_token_id')}: {written(own)}}}`",
        )


def _another_family(spec: Spec, component: Component, named: Any, document: Document) -> Diagnostic | None:
    """XL505 where the checkpoint is of another family."""
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


def _no_pair(spec: Spec, document: Document) -> Diagnostic:
    return Diagnostic(
        "XL505",
        Severity.ERROR,
        f"config.json describes a `{document.data.get('model_type')}`, and the spec a pair",
        spans_of(spec, "weights", "this checkpoint"),
        (f"in {document.file}",),
        "give the checkpoint of a pair, or name that of each half beside its family",
    )


def _unstated(spec: Spec, role: str, source: Source) -> Diagnostic:
    return Diagnostic(
        "XL505",
        Severity.WARNING,
        f"{source} has no config.json to compare with the spec",
        spans_of(spec, weights_address(spec, role), "this checkpoint"),
        ("shapes cannot show head counts, activations, scaling or ids",),
        "add the checkpoint's config.json",
    )
