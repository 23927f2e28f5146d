"""Two checkpoints that were taken for each other."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.checkpoint.source import Source
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.places import spans_of
from compiler.spec import HALVES, Spec
from compiler.verifying.configuration import compared


def exchanged(spec: Spec, sources: Mapping[str, Source]) -> Diagnostic | None:
    """XL505 where each half names the checkpoint of the other: neither fits its own, and both the other's."""
    if not (spec.components.keys() >= set(HALVES) and sources.keys() >= set(HALVES)):
        return None
    first, last = HALVES
    if _fits(spec, first, sources[first]) or _fits(spec, last, sources[last]):
        return None
    if not (_fits(spec, first, sources[last]) and _fits(spec, last, sources[first])):
        return None
    return Diagnostic(
        "XL505",
        Severity.ERROR,
        "the checkpoints of encoder and decoder are exchanged",
        (
            *spans_of(spec, f"{first}.weights", f"this is the {last}'s"),
            *spans_of(spec, f"{last}.weights", f"this is the {first}'s"),
        ),
        ("the config.json of each describes the other half",),
        "exchange the two",
    )


def _fits(spec: Spec, role: str, source: Source) -> bool:
    """Whether the config.json of a checkpoint describes a half."""
    return source.has("config.json") and not compared(spec, role, source, is_published=True).findings
