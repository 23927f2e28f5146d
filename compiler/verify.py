"""A checkpoint against a spec, by headers and config.json alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from compiler.checkpoint.checkpoint import Checkpoint
from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity, Span
from compiler.spec import Component, Spec
from compiler.weights.resolution import Resolution, resolve
from compiler.weights.table import WeightTable

_OTHER_HALF = {"processor": "decoder", "tokenizer": "encoder"}
"""Section of a spec -> the half of a model that has no use for it."""


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
        place = (
            _spans(spec, f"{component}.weights", "this checkpoint") if component in spec.components else ()
        )
        found = [replace(finding, spans=finding.spans or place) for finding in error.diagnostics]
        return Verified(component, None, None, found)
    ignore = tuple(getattr(spec.language.ignore, component, ()))
    resolution, findings = resolve(table, component, checkpoint, ignore, spec.origins)
    stated = spec.components.get(component)
    if stated is not None:
        findings = [*configuration_findings(spec, stated, source), *findings]
        findings += vocabulary_findings(spec, stated, source)
        findings += processing_findings(spec, stated, source)
    return Verified(component, checkpoint, resolution, findings)


def configuration_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """XL505 for every field that changes the computation and differs between config.json and the spec."""
    if not source.has("config.json"):
        yield Diagnostic(
            "XL505",
            Severity.WARNING,
            f"{source} has no config.json to compare with the spec",
            _spans(spec, f"{component.role}.weights", "this checkpoint"),
            ("shapes cannot show head counts, activations, scaling or ids",),
            "add the checkpoint's config.json",
        )
        return
    file = source.read_json("config.json")
    family = component.family
    if file.get("model_type", family.name) != family.name:
        yield Diagnostic(
            "XL505",
            Severity.ERROR,
            f"config.json describes a `{file['model_type']}`, and the spec a `{family.name}`",
            _spans(spec, f"{component.role}.family", "stated here"),
            (f"in {source.label('config.json')}",),
            f"set `family: {file['model_type']}`, or give another checkpoint",
        )
        return
    stored = {**family.config().model_dump(), **_known(file, component)}
    ignored = set(spec.language.ignore.config)
    for name, value in component.config.items():
        if name in family.inert or name in ignored or stored[name] == value:
            continue
        said = "says" if name in file or name in family.aliases.values() else "leaves the default"
        yield Diagnostic(
            "XL505",
            Severity.ERROR,
            f"`{name}` is {value!r} in the spec and {stored[name]!r} in config.json",
            _spans(spec, f"{component.role}.config.{name}", f"config.json {said} {stored[name]!r}"),
            (f"in {source.label('config.json')}", "the checkpoint was trained with its own value"),
            f"set `{name}: {stored[name]}`",
        )


def vocabulary_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """XL403 where the checkpoint's own vocabulary has another size than the model."""
    tokenizer = spec.processing.tokenizer
    vocabulary = component.config.get("vocab_size")
    file = getattr(tokenizer, "vocab_file", "vocab.json")
    if tokenizer is None or vocabulary is None or not source.has(file):
        return
    from specs.processing import FileProblem, check_vocabulary, ids_of, read_table

    at = f"{component.role}.config.vocab_size"
    try:
        raw = source.read_range(file, 0, source.size(file)).decode("utf-8", errors="replace")
        table = ids_of(read_table(raw), tokenizer)
    except FileProblem as problem:
        yield Diagnostic(
            "XL403", Severity.ERROR, f"{source.label(file)}: {problem}", _spans(spec, at, "the model's ids")
        )
        return
    largest = max(table.values(), default=None)
    for found in check_vocabulary(len(table), vocabulary, largest, ((at, f"{vocabulary} ids"),)):
        yield Diagnostic(
            found.code,
            Severity(found.severity),
            found.message,
            _spans(spec, at, f"{vocabulary} ids"),
            (*found.info, f"tokenizer: {source.label(file)}"),
            found.help,
        )


def processing_findings(spec: Spec, component: Component, source: Source) -> Iterator[Diagnostic]:
    """XL505 where the checkpoint's own front end or tokenizer files differ from the spec.

    The front end belongs to the encoder, and the tokenizer to the decoder: what the files beside one half
    say about the other is not looked at.
    """
    if component.family.processing is None:
        return
    from specs.processing_files import contradictions

    module = import_module(component.family.processing)
    imported = module.import_files(file_texts(source, module.FILES))
    problems = list(imported.problems)
    free = {"processor": frozenset[str](), "tokenizer": module.TOKENIZER_FREE}
    for key, schema in (("processor", module.Processor), ("tokenizer", module.Tokenizer)):
        if component.role == _OTHER_HALF[key]:
            continue
        section = schema.model_validate(spec.data.get(key) or {})
        problems += contradictions(section, getattr(imported, key), free[key], key)
    for problem in problems:
        address, label = problem.at[0] if problem.at else (f"{component.role}.weights", "this checkpoint")
        yield Diagnostic(
            problem.code,
            Severity(problem.severity),
            problem.message,
            _spans(spec, address, label) or _spans(spec, component.role, label),
            (*problem.info, f"in {source}"),
            problem.help,
        )


def file_texts(source: Source, names: Iterable[str]) -> dict[str, str]:
    """Contents of the files of these names that a source has."""
    return {
        name: source.read_range(name, 0, source.size(name)).decode("utf-8", errors="replace")
        for name in names
        if source.has(name)
    }


def _known(file: Mapping[str, Any], component: Component) -> dict[str, Any]:
    """The family's fields that a config.json gives, second names included."""
    family = component.family
    fields = {family.aliases.get(name, name): value for name, value in file.items() if name in family.aliases}
    return fields | {name: value for name, value in file.items() if name in family.config.model_fields}


def _spans(spec: Spec, address: str, label: str) -> tuple[Span, ...]:
    """The place of an address, or of the nearest one that encloses it and was written."""
    steps = address.split(".")
    for length in range(len(steps), 0, -1):
        span = spec.origins.get(".".join(steps[:length]))
        if span is not None:
            return (Span(span.file, span.line, span.column, span.end_line, span.end_column, label),)
    return ()
