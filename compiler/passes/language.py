"""Pass 2: the document against the language and its families' schemas; a `Spec` where one can be made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compiler.catalogue import names
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.near import near
from compiler.passes.findings import Findings, dotted
from compiler.passes.forms import KEYS, form, misplaced_keys, mixed_halves
from compiler.passes.rows import row_problems
from compiler.passes.unknown import unknown_key
from compiler.passes.validation import validated
from compiler.reader import Document
from compiler.reader import Path as Address
from compiler.spec import HALVES, Component, GraphPart, Part, Spec, Whole
from compiler.stated import SHARED, stated_sections
from specs.families import FAMILIES, family
from specs.family import Family, roles_of
from specs.language import VERSION, FreeGraph, Half, SpecFile
from specs.language import Component as Written
from specs.processing.stated import Files, Processing
from specs.values import written

_CLASS = re.compile(r"(For[A-Z]\w*|Model|Config|Encoder|Decoder)$")
"""What a published class adds to the name of its family."""


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
        whole=Whole("model", weights=weights, base=_base(findings, "weights")) if weights else None,
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
        return _component(findings, role, section.family, section)
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
    return GraphPart(role, graph, weights=weights, base=_base(findings, role, "weights"))


def _base(findings: Findings, *path: str) -> Path:
    """The folder of the file that writes what is at a path."""
    return Path(findings.document.locate(path).file).parent


def _component(findings: Findings, role: str, name: str, section: Written | Half) -> Component | None:
    stated = _family(findings, role, name)
    if stated is None or not _can_be(findings, role, stated):
        return None
    architecture = section.architecture
    if architecture is not None and architecture not in stated.architectures:
        close = near(architecture, stated.architectures)
        findings.add(
            Diagnostic(
                "XL111",
                Severity.ERROR,
                f"`{stated.name}` has no architecture `{architecture}`",
                (findings.document.locate((role, "architecture")),),
                (f"it has {', '.join(stated.architectures)}",),
                f"did you mean `{close[0]}`?"
                if close
                else f"write {' or '.join(stated.architectures)}, or remove it",
            ),
            (role, "architecture"),
        )
    config = validated(findings, section.config, stated.config, (role, "config"))
    if config is None:
        return None
    component = Component(
        role,
        stated.name,
        config.model_dump(),
        frozenset(section.config),
        architecture,
        section.rows,
        weights=section.weights,
        base=_base(findings, role, "weights"),
    )
    return _ruled(findings, component)


def _family(findings: Findings, role: str, name: str) -> Family | None:
    if name in FAMILIES:
        return family(name)
    if not findings.is_poisoned(f"{role}.family"):
        findings.add(
            Diagnostic(
                "XL110",
                Severity.ERROR,
                f"unknown family `{name}`",
                (findings.document.locate((role, "family")),),
                (f"known families: {', '.join(FAMILIES)}",),
                _family_meant(name),
            ),
            (role, "family"),
        )
    return None


def _can_be(findings: Findings, role: str, stated: Family) -> bool:
    """Whether the family fills this role; XL205 where it does not."""
    roles = roles_of(stated)
    if role in roles:
        return True
    findings.add(
        Diagnostic(
            "XL205",
            Severity.ERROR,
            f"`{stated.name}` cannot be {_AS[role]}",
            (findings.document.locate((role, "family")),),
            (f"it can be {' or '.join(_AS[one] for one in roles)}", *_LACKS.get(role, ())),
            f"write it under `{roles[0]}:`, or name a family that can be {_AS[role]}: "
            + ", ".join(one for one in FAMILIES if role in roles_of(family(one))),
        ),
        (role, "family"),
    )
    return False


_AS = {"model": "a whole model", "encoder": "an encoder", "decoder": "a decoder"}
_LACKS = {
    "encoder": ("it gives no hidden states for a decoder to attend to",),
    "decoder": ("it has no cross-attention, with which a decoder reads its encoder",),
}


def _family_meant(name: str) -> str:
    """The edit for an unknown family: it may be the name of a class, a catalogue entry or a checkpoint."""
    close = near(name, FAMILIES) or near(_CLASS.sub("", name), FAMILIES)
    if close:
        return f"did you mean `{close[0]}`?"
    if name in names():
        return f"`{name}` is a spec of the catalogue: write `extends: {name}` at the top, without `model:`"
    if "/" in name:
        return f"if it is a checkpoint, make a spec of it: `crossloom import {name}`"
    return "name a known family, or write the model as a `graph:`"


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
        (replace(document.keys[(role,)], label="nothing says what it is"),),
        help="add `family:`, or write it as a `graph:`",
    )


def _ruled(findings: Findings, component: Component) -> Component:
    """The component after its family's own rules; a null id that is needed is taken at its default."""
    defaults = component.family.config().model_dump()
    values = {f"{component.role}.config.{name}": value for name, value in component.config.items()}
    problems = list(component.family.rules(component.view))
    findings.report(problems, values)
    nulls = {
        name: defaults[name]
        for name, value in component.config.items()
        if value is None and findings.is_poisoned(f"{component.role}.config.{name}")
    }
    return replace(component, config={**component.config, **nulls})


def _processing(findings: Findings, components: Mapping[str, Component]) -> Processing:
    """Front end and tokenizers as the families state them, from the spec's sections."""
    kinds: dict[str, Any] = {}
    files: dict[str, Files] = {}
    for one in stated_sections(components):
        given = one.fields(findings.document.data, components[one.role].config)
        section = validated(findings, given, one.stated.section, (one.key,))
        if section is not None:
            findings.report(one.stated.problems(section, one.key))
            kinds[one.key] = one.stated.kind(section)
            files[one.key] = one.stated.written(section)
    whole = components.get("model")
    reads_text = whole is not None and whole.family.front_end is None
    return Processing(
        kinds.get("processor"),
        kinds.get(SHARED if reads_text else "source_tokenizer"),
        kinds.get("tokenizer"),
        files,
    )
