"""Which checkpoints a model is read from, and whether they are the ones its spec needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from compiler.checkpoint.document import json_document
from compiler.checkpoint.findings import quoted
from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.resolve import resolve as resolve_source
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity, Span
from compiler.spec import FORMS, Spec
from compiler.verifying.checkpoint import Verified, dtype_findings, verify_component
from compiler.verifying.exchanged import exchanged
from compiler.weights.dialects import fitting_names
from compiler.weights.folding import folded
from compiler.weights.table import WeightTable, pair_table, table_of, whole_table
from specs.graph import Graph
from specs.pairs import PUBLISHED_PAIRS

Sources = Mapping[str, Source]


def sources_of(
    spec: Spec, given: str | Path | Source | Mapping[str, str | Path | Source] | None, **access: Any
) -> dict[str, Source]:
    """The checkpoint of every part, or of the whole as `model`: what the call gives, else the spec's own.

    One for a pair is one of the whole, as is one that is given as `model`. A part that has none is left out;
    `verify_sources` sees that nothing of it is to be loaded. `access` is passed to
    `compiler.checkpoint.resolve.resolve`.

    Raises:
        CrossloomError: XL514 where none by that name exists, `given` names a role the spec does not have, or
            is one published model for a pair.
    """
    roles = list(spec.parts)
    if given is None or isinstance(given, Mapping):
        named: dict[str, str | Path | Source] = dict(given or {})
    else:
        named = {roles[0] if len(roles) == 1 and spec.whole is None else "model": given}
    known = roles if spec.whole is None else ["model"]
    if unknown := [role for role in named if role not in (*known, "model")]:
        raise CrossloomError([_unknown_role(role, known) for role in unknown])
    if "model" in named and len(named) > 1:
        raise CrossloomError([_whole_and_parts(roles)])
    sources = {role: resolve_source(source, **access) for role, source in named.items()}
    if not sources or (spec.whole is None and "model" not in sources):
        for role, part in spec.checkpoints.items():
            if role not in sources:
                assert part.weights is not None, "it is a checkpoint's"
                with _at(spec.origins.get("weights" if role == "model" else f"{role}.weights")):
                    sources[role] = resolve_source(part.weights, base=part.base, **access)
    if len(roles) > 1 and "model" in named and _is_of_one_family(sources["model"]):
        raise CrossloomError([_unsplit(roles)])
    return sources


@contextmanager
def _at(place: Span | None) -> Iterator[None]:
    """Show where the spec names a checkpoint that is not there."""
    try:
        yield
    except CrossloomError as error:
        spans = () if place is None else (place,)
        raise CrossloomError([replace(one, spans=one.spans or spans) for one in error.diagnostics]) from None


def read_table(spec: Spec, graph: Graph, sources: Sources) -> WeightTable:
    """The table that the sources are read by.

    A checkpoint of the whole is in our own layout or, of a pair, in the published one: the names decide, for
    all of them. One that is given to a spec of parts holds what the spec calls fresh, too: it was written
    after they were trained.

    Raises:
        CrossloomError: XL511 where both layouts fit equally.
    """
    if "model" not in sources or "model" in spec.parts:
        return table_of(spec, graph)
    fresh = spec.language.fresh if spec.whole is not None else ()
    published, own = pair_table(spec, graph, fresh), whole_table(graph, fresh)
    if published is None:
        return own
    try:
        stored = read_checkpoint(sources["model"]).tensors
    except CrossloomError:  # reported where it is verified
        return published
    counts = [max(fitting_names(table, "model", stored).values()) for table in (published, own)]
    if counts[0] == counts[1] > 0:
        raise CrossloomError([_two_layouts(spec, sources["model"])])
    return published if counts[0] >= counts[1] else own


def verify_sources(spec: Spec, graph: Graph, sources: Sources) -> tuple[WeightTable, list[Verified]]:
    """The table, and each part's checkpoint against it.

    Raises:
        CrossloomError: XL514 where a part has no checkpoint, and is not all fresh.
    """
    table = read_table(spec, graph, sources)
    wanting: dict[str, list[str]] = {}
    for row in table:
        if row.status == "loaded" and row.component not in sources:
            wanting.setdefault(row.component, []).append(row.address)
    if wanting:
        raise CrossloomError([no_source(spec, role, addresses) for role, addresses in wanting.items()])
    if (confused := exchanged(spec, sources)) is not None:
        return table, [Verified(role, None, None, [confused] * (role == "encoder")) for role in sources]
    verified = [verify_component(spec, table, role, source) for role, source in sources.items()]
    if verified:
        findings = [*verified[-1].diagnostics, *dtype_findings(spec, verified)]
        verified[-1] = replace(verified[-1], diagnostics=findings)
    return table, verified


def _is_of_one_family(source: Source) -> bool:
    """Whether a folder has the config of one model, and not that of a published pair."""
    if not source.has("config.json"):
        return False
    return json_document(source, "config.json").data.get("model_type") not in PUBLISHED_PAIRS


def _two_layouts(spec: Spec, source: Source) -> Diagnostic:
    span = spec.origins.get("weights")
    return Diagnostic(
        "XL511",
        Severity.ERROR,
        f"the names in {source} are as much those of a published pair as addresses of this model",
        (span,) if span else (),
        ("one reading is chosen for the whole file",),
        "give a checkpoint that `train` or `export` wrote, or a published one",
    )


def _unsplit(roles: list[str]) -> Diagnostic:
    return Diagnostic(
        "XL514",
        Severity.ERROR,
        "a pair has a checkpoint for each half, and one of a published model was given for both",
        help="give {" + ", ".join(f'"{role}": ...' for role in roles) + "}, or one that `train` wrote",
    )


def _whole_and_parts(roles: list[str]) -> Diagnostic:
    return Diagnostic(
        "XL514",
        Severity.ERROR,
        "a checkpoint was given for the whole, `model`, and others for its parts",
        info=(f"its parts are {', '.join(f'`{one}`' for one in roles)}",),
        help="give that of the whole alone, or one for each part",
    )


def _unknown_role(role: str, roles: list[str]) -> Diagnostic:
    return Diagnostic(
        "XL514",
        Severity.ERROR,
        f"a checkpoint was given for `{role}`, which is no part of this spec",
        info=(f"its parts are {', '.join(f'`{one}`' for one in roles)}",),
        help=f"remove `{role}`, or give its checkpoint as one of these",
    )


def no_source(spec: Spec, role: str, wanting: Iterable[str] = ()) -> Diagnostic:
    """XL514 for a part without a checkpoint, where `wanting` are the addresses that need one."""
    is_whole = role not in spec.data
    what = FORMS[spec.kind] if is_whole else f"`{role}`"
    span = spec.origins.get("graph" if is_whole else role)
    lines = folded(wanting)
    return Diagnostic(
        "XL514",
        Severity.ERROR,
        f"{what} has no checkpoint: the spec gives no `weights:`, and none was named",
        (span,) if span else (),
        (f"to be loaded: {quoted(lines)}",) if lines else (),
        "add `weights:`, name a folder or repository, or build it with fresh parameters"
        + (", or list under `fresh:` what starts untrained" if lines else ""),
    )
