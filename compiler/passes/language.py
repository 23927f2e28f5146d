"""Pass 2: the document against the language and its families' schemas; a `Spec` where one can be made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.near import near
from compiler.passes.components import base_of, component
from compiler.passes.findings import Findings, dotted
from compiler.passes.forms import KEYS, form, misplaced_keys, mixed_halves
from compiler.passes.rows import row_problems
from compiler.passes.validation import validated
from compiler.reader import Document
from compiler.reader import Path as Address
from compiler.spec import HALVES, Component, GraphPart, Part, Spec, Whole
from compiler.stated import SHARED, stated_sections
from specs.family import reads_text
from specs.language import VERSION, FreeGraph, Half, SpecFile
from specs.language import Component as Written
from specs.processing.stated import Files, Processing, Stated
from specs.values import written


def understand(findings: Findings, file: Path | None) -> Spec | None:
    """The spec a document states, or None where too little of it is sound to go on.

    Fields that were reported are taken at their default, so that independent mistakes still show.
    """
    if not _is_readable(findings) or not _version_is_known(findings):
        return None
    mixed_halves(findings)
    language = validated(findings, findings.document.data, SpecFile, ())
    kind = form(findings)
    if language is None or kind is None:
        return None
    stated = {role: getattr(language, role) for role in ("model", *HALVES)}
    written = [role for role in stated if role in findings.document.data]
    parts = {role: part for role in written if (part := _part(findings, role, stated[role])) is not None}
    if kind == "graph" and (whole := _graph(findings, "model", ("graph",), language.graph)) is not None:
        parts["model"] = whole
    if len(parts) < max(len(written), 1):
        return None
    components = {role: part for role, part in parts.items() if isinstance(part, Component)}
    weights = language.weights if kind != "model" else None
    spec = Spec(
        name=language.name,
        kind=kind,
        file=file,
        data=findings.document.data,
        language=language,
        components=components,
        graphs={role: part for role, part in parts.items() if isinstance(part, GraphPart)},
        whole=Whole("model", weights=weights, base=base_of(findings, "weights")) if weights else None,
        origins=findings.origins,
        processing=_processing(findings, components),
    )
    findings.report(misplaced_keys(spec))
    findings.report(row_problems(spec))
    return spec


def _is_readable(findings: Findings) -> bool:
    """Whether the document is a map whose entries can be looked at."""
    document = findings.document
    if document.data is None or document.is_poisoned(()):
        return False
    if isinstance(document.data, dict):
        return True
    findings.add(
        Diagnostic(
            "XL103",
            Severity.ERROR,
            "a spec is a map of keys",
            (document.locate(()),),
            help=f"begin with `crossloom: {VERSION}`",
        )
    )
    return False


def _version_is_known(findings: Findings) -> bool:
    document = findings.document
    if "crossloom" not in document.data:
        close = next((key for key in document.data if near(key, ["crossloom"])), None)
        if close is not None:
            from compiler.passes.unknown import unknown_key  # what is sound starts without it

            finding, _ = unknown_key((close,), document, SpecFile.model_fields)
            findings.add(finding)
            findings.move((close,), ("crossloom",))
        else:
            findings.add(_no_version(document), ("crossloom",))
            return any(key in document.data for key in KEYS)
    version = findings.document.data["crossloom"]
    if type(version) is int and version == VERSION:
        return True
    findings.add(
        Diagnostic(
            "XL109",
            Severity.ERROR,
            f"language version {written(version)} is unknown",
            (findings.document.locate(("crossloom",)),),
            (f"this crossloom reads version {VERSION}",),
            f"write `crossloom: {VERSION}`",
        )
    )
    return False


def _no_version(document: Document) -> Diagnostic:
    return Diagnostic(
        "XL109",
        Severity.ERROR,
        "the language version is missing",
        (document.beginning(),),
        ("every spec says which version of the language it is written in",),
        f"begin the spec with `crossloom: {VERSION}`",
    )


def _part(findings: Findings, role: str, section: Written | Half | None) -> Part | None:
    """The family or the graph that fills a role; None where neither can be made out."""
    if section is None:
        if not findings.is_poisoned(role):
            findings.add(_empty(findings.document, (role,)), (role,))
        return None
    if section.family is not None:
        return component(findings, role, section.family, section)
    assert isinstance(section, Half), "a whole model names its family"
    graph = (role, "graph")
    if section.graph is not None or graph in findings.document.keys:
        return _graph(findings, role, graph, section.graph, section.weights)
    if not findings.is_poisoned(f"{role}.family") and not findings.document.data[role].keys() & set(KEYS):
        findings.add(_formless(findings.document, role), (role, "family"))
    return None


def _graph(
    findings: Findings, role: str, path: Address, graph: FreeGraph | None, weights: str | None = None
) -> GraphPart | None:
    if graph is None:
        if not findings.is_poisoned(dotted(path)):
            findings.add(_empty(findings.document, path), path)
        return None
    return GraphPart(role, graph, weights=weights, base=base_of(findings, role, "weights"))


def _empty(document: Document, path: Address) -> Diagnostic:
    return Diagnostic(
        "XL103",
        Severity.ERROR,
        f"`{path[-1]}` must be a map, and it is empty",
        (document.locate(path),),
        help="write its `inputs:`, `nodes:` and `outputs:`"
        if path[-1] == "graph"
        else "give it a `family:`, or remove it",
    )


def _formless(document: Document, role: str) -> Diagnostic:
    return Diagnostic(
        "XL105",
        Severity.ERROR,
        f"`{role}` has neither a `family` nor a `graph`",
        (document.keys[(role,)]._replace(label="nothing says what it is"),),
        help="add `family:`, or write it as a `graph:`",
    )


def _processing(findings: Findings, components: Mapping[str, Component]) -> Processing:
    """Front end and tokenizers as the families state them, from the spec's sections."""
    kinds: dict[str, Any] = {}
    files: dict[str, Files] = {}
    for one in stated_sections(components):
        given = one.fields(findings.document.data, components[one.role].config)
        if not given:
            kinds[one.key], files[one.key] = _by_default(one.stated)
            continue
        section = validated(findings, given, one.stated.section, (one.key,))
        if section is not None:
            findings.report(one.stated.problems(section, one.key))
            kinds[one.key], files[one.key] = one.stated.kind(section), one.stated.written(section)
    whole = components.get("model")
    is_shared = whole is not None and reads_text(whole.family, whole.view)
    return Processing(
        kinds.get("processor"),
        kinds.get(SHARED if is_shared else "source_tokenizer"),
        kinds.get("tokenizer"),
        files,
    )


@cache
def _by_default(stated: Stated[Any]) -> tuple[Any, Files]:
    """The kind and the Hub files that a family states where a spec says nothing of them: always sound."""
    section = stated.section()
    return stated.kind(section), stated.written(section)
