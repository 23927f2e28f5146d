"""Pass 2: the document against the language and its families' schemas; a `Spec` where one can be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.passes.findings import Findings
from compiler.passes.schema import schema_findings, unknown_key
from compiler.reader import Path as Address
from compiler.spec import Component, Kind, Spec
from specs.families import FAMILIES, family
from specs.language import VERSION, SpecFile
from specs.processing import Processing

_FORMS: dict[frozenset[str], Kind] = {
    frozenset({"model"}): "model",
    frozenset({"encoder", "decoder"}): "pair",
    frozenset({"encoder"}): "encoder",
    frozenset({"decoder"}): "decoder",
    frozenset({"graph"}): "graph",
}


def understand(findings: Findings, file: Path | None, base: Path | None) -> Spec | None:
    """The spec a document states, or None where too little of it is sound to go on.

    Fields that were reported are taken at their default, so that independent mistakes still show.
    """
    document = findings.document
    if document.data is None:
        return None
    if not isinstance(document.data, dict):
        findings.add(
            Diagnostic(
                "XL103",
                Severity.ERROR,
                "a spec is a map of keys",
                (document.locate(()),),
                help="begin with `crossloom: 1`",
            )
        )
        return None
    if not _version_is_known(findings):
        return None
    language = _validated(findings, document.data, SpecFile, ())
    kind = _form(findings)
    if language is None or kind is None:
        return None
    components = {}
    for role in ("model", "encoder", "decoder"):
        section = document.data.get(role)
        if role in document.data and not isinstance(section, dict):
            return None
        if isinstance(section, dict) and "graph" not in section:
            component = _component(findings, role, section)
            if component is None:
                return None
            components[role] = component
    processing = _processing(findings, components)
    return Spec(
        name=language.name,
        kind=kind,
        file=file,
        data=document.data,
        language=language,
        components=components,
        origins=findings.origins,
        processing=processing,
        base=base,
    )


def _version_is_known(findings: Findings) -> bool:
    document = findings.document
    if "crossloom" not in document.data:
        findings.add(
            Diagnostic(
                "XL109",
                Severity.ERROR,
                "the language version is missing",
                (document.locate(()),) if not document.keys else (min(document.keys.values()),),
                ("every spec says which version of the language it is written in",),
                f"begin the spec with `crossloom: {VERSION}`",
            )
        )
        return False
    version = document.data["crossloom"]
    if type(version) is int and version == VERSION:
        return True
    findings.add(
        Diagnostic(
            "XL109",
            Severity.ERROR,
            f"language version {version!r} is unknown",
            (document.locate(("crossloom",)),),
            (f"this crossloom reads version {VERSION}",),
            f"write `crossloom: {VERSION}`",
        )
    )
    return False


def _validated(findings: Findings, data: Any, schema: type[BaseModel], prefix: Address) -> Any:
    """`data` as `schema`; what is wrong is reported, taken out, and the rest validated again."""
    for _ in range(2):
        try:
            return schema.model_validate(data)
        except ValidationError as error:
            diagnostics, paths = schema_findings(error, findings.document, prefix, data, schema)
            for diagnostic in diagnostics:
                findings.add(diagnostic)
            for path in paths:
                findings.poison(".".join(map(str, path)))
            missing = {p for p in paths if not findings.is_written(".".join(map(str, p)))}
            if missing:
                return None
            data = _without(data, {path[len(prefix) :] for path in paths})
    return None


def _without(data: Any, paths: set[Address]) -> Any:
    if () in paths:
        return {}
    if isinstance(data, dict):
        return {
            key: _without(value, {p[1:] for p in paths if p[:1] == (key,)})
            for key, value in data.items()
            if (key,) not in paths
        }
    if isinstance(data, list):
        return [
            _without(value, {p[1:] for p in paths if p[:1] == (index,)})
            for index, value in enumerate(data)
            if (index,) not in paths
        ]
    return data


def _form(findings: Findings) -> Kind | None:
    document = findings.document
    present = [key for key in ("model", "encoder", "decoder", "graph") if key in document.data]
    kind = _FORMS.get(frozenset(present))
    if kind is not None:
        return kind
    if not present and findings.is_poisoned("extends"):
        return None
    findings.add(
        Diagnostic(
            "XL114",
            Severity.ERROR,
            "a spec has one form, and this one mixes " + " and ".join(f"`{p}`" for p in present)
            if present
            else "the spec describes no model",
            tuple(document.keys[(key,)] for key in present) or (min(document.keys.values()),),
            ("a spec gives `model`, or `encoder` and `decoder`, or one of these alone, or `graph`",),
            "keep one form" if present else "add `model: {family: ...}`",
        )
    )
    return None


def _component(findings: Findings, role: str, section: Mapping[str, Any]) -> Component | None:
    name = section.get("family")
    if not isinstance(name, str):
        if role != "model" and not findings.is_poisoned(f"{role}.family"):
            findings.add(
                Diagnostic(
                    "XL105",
                    Severity.ERROR,
                    f"`{role}` names no family",
                    (findings.document.keys[(role,)],),
                    help=f"add `family:`; known families: {', '.join(FAMILIES)}",
                )
            )
        return None
    if name not in FAMILIES:
        near = get_close_matches(name, FAMILIES, n=1)
        findings.add(
            Diagnostic(
                "XL110",
                Severity.ERROR,
                f"unknown family `{name}`",
                (findings.document.locate((role, "family")),),
                (f"known families: {', '.join(FAMILIES)}",),
                f"did you mean `{near[0]}`?" if near else None,
            ),
            (role, "family"),
        )
        return None
    stated = family(name)
    architecture = section.get("architecture")
    if isinstance(architecture, str) and architecture not in stated.architectures:
        near = get_close_matches(architecture, stated.architectures, n=1)
        findings.add(
            Diagnostic(
                "XL111",
                Severity.ERROR,
                f"`{name}` has no architecture `{architecture}`",
                (findings.document.locate((role, "architecture")),),
                (f"it has {', '.join(stated.architectures)}",),
                f"did you mean `{near[0]}`?" if near else None,
            ),
            (role, "architecture"),
        )
    written = section.get("config", {})
    if not isinstance(written, dict):
        written = {}
    config = _validated(findings, written, stated.config, (role, "config"))
    if config is None:
        return None
    component = Component(
        role,
        name,
        config.model_dump(),
        frozenset(written),
        section.get("weights") if isinstance(section.get("weights"), str) else None,
        architecture if isinstance(architecture, str) else None,
    )
    return _ruled(findings, component)


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
    """Front end and tokenizer as the families state them, from the spec's two sections."""
    data = findings.document.data
    front = components.get("model") or components.get("encoder")
    back = components.get("model") or components.get("decoder")
    sections: dict[str, Any] = {}
    for key, schema_name, component in (("processor", "Processor", front), ("tokenizer", "Tokenizer", back)):
        written = data.get(key)
        if component is None or component.family.processing is None:
            if written is not None:
                findings.add(unknown_key((key,), findings.document, ()), (key,))
            continue
        module = import_module(component.family.processing)
        given = written if isinstance(written, dict) else {}
        section = _validated(findings, given, getattr(module, schema_name), (key,))
        if section is not None:
            findings.report(getattr(module, f"{key}_problems")(section, key))
            sections[key] = section
    if front is None or front.family.processing is None:
        return Processing()
    module = import_module(front.family.processing)
    result = module.processing(sections.get("processor"), sections.get("tokenizer"))
    assert isinstance(result, Processing)
    return result
