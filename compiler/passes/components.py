"""Pass 2 of what names a family: whether it is known, can fill its role, and has a sound config."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from compiler.catalogue import names
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.near import near
from compiler.passes.findings import Findings
from compiler.passes.validation import validated
from compiler.spec import Component
from specs.families import FAMILIES, family
from specs.family import Family, roles_of
from specs.language import Component as Written
from specs.language import Half

_CLASS = re.compile(r"(For[A-Z]\w*|Model|Config|Encoder|Decoder)$")
"""What a published class adds to the name of its family."""


def base_of(findings: Findings, *path: str) -> Path:
    """The folder of the file that writes what is at a path."""
    return Path(findings.document.locate(path).file).parent


def component(findings: Findings, role: str, name: str, section: Written | Half) -> Component | None:
    """The family that fills a role, its config sound; None where it cannot be used (XL110, XL111, XL205)."""
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
    made = Component(
        role,
        stated.name,
        config.model_dump(),
        frozenset(section.config),
        architecture,
        section.rows,
        weights=section.weights,
        base=base_of(findings, role, "weights"),
    )
    return _ruled(findings, made)


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
            (f"it can be {' or '.join(_AS[one] for one in roles)}", *_lacks(stated, role)),
            f"write it under `{roles[0]}:`, or name a family that can be {_AS[role]}: "
            + ", ".join(one for one in FAMILIES if role in roles_of(family(one))),
        ),
        (role, "family"),
    )
    return False


def _lacks(stated: Family, role: str) -> tuple[str, ...]:
    """What a half of another role is without; a whole model has both, and cannot be taken apart."""
    if roles_of(stated) == ("model",):
        return ("it is taken whole, and not by halves",)
    return _LACKS.get(role, ())


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


def _ruled(findings: Findings, component: Component) -> Component:
    """The component after its family's own rules; a null id that is needed is taken at its default."""
    values = {f"{component.role}.config.{name}": value for name, value in component.config.items()}
    findings.report(component.family.rules(component.view), values)
    nulls = [
        name
        for name, value in component.config.items()
        if value is None and findings.is_poisoned(f"{component.role}.config.{name}")
    ]
    if not nulls:
        return component
    defaults = component.family.config().model_dump()
    return replace(component, config={**component.config, **{name: defaults[name] for name in nulls}})
