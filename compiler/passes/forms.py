"""The forms a spec can have, and the keys that mean something in some of them only."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.passes.findings import Findings, key_of
from compiler.spec import FORMS, HALVES, Kind, Spec
from compiler.stated import PURPOSES, stated_sections
from specs.problems import Problem

KEYS = ("model", "encoder", "decoder", "graph")
"""The keys that say what the model is."""

_FORMS: dict[frozenset[str], Kind] = {
    frozenset({"model"}): "model",
    frozenset({"encoder", "decoder"}): "pair",
    frozenset({"encoder"}): "encoder",
    frozenset({"decoder"}): "decoder",
    frozenset({"graph"}): "graph",
}

_USES: dict[str, tuple[frozenset[Kind], str]] = {
    "bridge": (frozenset({"pair"}), "joins an encoder and a decoder"),
    "tokens": (frozenset({"pair", "decoder", "graph"}), "gives ids that no `config:` of one model settles"),
    "generation": (frozenset({"model", "pair", "decoder", "graph"}), "is about decoding"),
}
"""Key -> the forms it acts in, and what it does."""

_MODEL_KEYS = frozenset({"family", "config", "nodes"})

_OF_FAMILIES = ("family", "architecture", "config", "rows")
"""Keys of a half that a family states."""


def form(findings: Findings) -> Kind | None:
    """The form of a spec; none at all, or a mixture, is XL114."""
    document = findings.document
    present = [key for key in KEYS if key in document.data]
    kind = _FORMS.get(frozenset(present))
    if kind is not None:
        return kind
    if not present and (findings.is_poisoned("extends") or _has_unknown_model(findings)):
        return None
    findings.add(
        Diagnostic(
            "XL114",
            Severity.ERROR,
            "a spec has one form, and this one mixes " + " and ".join(f"`{p}`" for p in present)
            if present
            else "the spec describes no model",
            tuple(document.keys[(key,)] for key in present) or (document.beginning(),),
            ("a spec gives `model`, or `encoder` and `decoder`, or one of these alone, or `graph`",),
            "keep one form" if present else "add `model: {family: ...}`",
        )
    )
    return None


def mixed_halves(findings: Findings) -> None:
    """XL114 for a half that is both a family and a graph; the family, where it is named, is gone on with."""
    document = findings.document
    for role in HALVES:
        section = document.data.get(role)
        if not isinstance(section, dict) or section.get("graph") is None:
            continue
        mixed = [key for key in _OF_FAMILIES if section.get(key) is not None]
        if not mixed:
            continue
        present = [key for key in section if key in (*_OF_FAMILIES, "graph")]
        findings.add(
            Diagnostic(
                "XL114",
                Severity.ERROR,
                f"`{role}` is a family or a graph, and this one mixes "
                + " and ".join(f"`{key}`" for key in present),
                tuple(document.keys[(role, key)] for key in present),
                ("a graph stands in place of a family, and its blocks have their own numbers",),
                f"keep the `graph:`, or the `{mixed[0]}:`" if "family" in mixed else f"remove `{mixed[0]}`",
            )
        )
        for key in ["graph"] if "family" in mixed else mixed:
            findings.poison(f"{role}.{key}")
        findings.poison(key_of("dims"))  # its sizes may be those of the graph


def misplaced_keys(spec: Spec) -> Iterator[Problem]:
    """XL114 for keys that do nothing in this form: a setting that silently does nothing is a mistake."""
    kind, data = spec.kind, spec.data
    for key, (kinds, purpose) in _USES.items():
        if data.get(key) is not None and kind not in kinds:
            yield _misplaced(key, purpose, kind)
    if data.get("dims") is not None and not spec.graphs:
        yield _misplaced("dims", "names sizes of a free graph", kind)
    yield from _idle_weights(spec)
    stated = {section.key for section in stated_sections(spec.components)}
    for key, purpose in PURPOSES.items():
        if data.get(key) is not None and key not in stated:
            yield _misplaced(key, purpose, kind)
    ignore = data.get("ignore")
    for role in ignore if isinstance(ignore, dict) else ():
        if role in ("model", "encoder", "decoder") and role not in {**spec.parts, **spec.checkpoints}:
            yield _misplaced(f"ignore.{role}", f"is about the checkpoint of `{role}:`", kind)


def _idle_weights(spec: Spec) -> Iterator[Problem]:
    """XL114 for weights of a part beside weights of the whole, and for those of a whole that is one part."""
    if spec.data.get("weights") is None:
        return
    if spec.kind == "model":
        yield Problem(
            "XL114",
            "`weights` at the top names the checkpoint of a whole that is put together, and this spec is "
            f"{FORMS[spec.kind]}",
            ((key_of("weights"), "does nothing here"),),
            ("the checkpoint of a published model is named beside its family",),
            "move it below `model:`",
        )
    for role, part in spec.parts.items():
        if spec.kind != "model" and part.weights is not None:
            yield Problem(
                "XL114",
                f"`weights` at the top names the checkpoint of the whole, and `{role}` names one of its own",
                ((key_of(f"{role}.weights"), "does nothing here"), ("weights", "holds every tensor")),
                ("a key nobody reads would be a setting that silently does nothing",),
                f"remove one of them; `{role}: {{weights: null}}` takes an extended one away",
            )


def _misplaced(address: str, purpose: str, kind: Kind) -> Problem:
    key = address.rpartition(".")[2]
    return Problem(
        "XL114",
        f"`{key}` {purpose}, and this spec is {FORMS[kind]}",
        ((key_of(address), "does nothing here"),),
        ("a key nobody reads would be a setting that silently does nothing",),
        f"remove `{key}`",
    )


def _has_unknown_model(findings: Findings) -> bool:
    """Whether a model is there under a key that was reported as unknown."""
    return any(
        isinstance(value, dict) and findings.is_poisoned(str(key)) and value.keys() & _MODEL_KEYS
        for key, value in findings.document.data.items()
    )
