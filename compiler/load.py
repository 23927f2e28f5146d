"""A live model with a checkpoint's weights: proved total by headers, then mapped in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.build import CompileMode, compiled, compute_buffers, skeleton
from compiler.checkpoint.dtypes import holding
from compiler.checkpoint.findings import quoted
from compiler.checkpoint.resolve import resolve as resolve_source
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.spec import FORMS, Spec
from compiler.verify import Verified, dtype_findings, stored_dtypes, verify_component
from compiler.weights.folding import folded
from compiler.weights.operations import apply
from compiler.weights.table import TableRow, WeightTable, table_of, whole_table
from compiler.weights.values import Values
from specs.graph import Graph

if TYPE_CHECKING:
    import torch
    from torch import Tensor

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
    if unknown := [role for role in named if role not in (*roles, "model")]:
        raise CrossloomError([_unknown_role(role, roles) for role in unknown])
    if "model" in named and len(named) > 1:
        raise CrossloomError([_whole_and_parts(roles)])
    sources = {role: resolve_source(source, **access) for role, source in named.items()}
    if not sources or (spec.whole is None and "model" not in sources):
        for role, part in spec.checkpoints.items():
            if role not in sources:
                assert part.weights is not None, "it is a checkpoint's"
                sources[role] = resolve_source(part.weights, base=part.base, **access)
    if len(roles) > 1 and "model" in named and sources["model"].has("config.json"):
        raise CrossloomError([_unsplit(roles)])
    return sources


def read_table(spec: Spec, graph: Graph, sources: Sources) -> WeightTable:
    """The table that the sources are read by.

    A checkpoint of the whole that is given to a spec of parts holds what the spec calls fresh, too: it was
    written after they were trained.
    """
    if "model" in sources and "model" not in {**spec.parts, **spec.checkpoints}:
        return whole_table(graph)
    return table_of(spec, graph)


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
    verified = [verify_component(spec, table, role, source) for role, source in sources.items()]
    if verified:
        findings = [*verified[-1].diagnostics, *dtype_findings(spec, verified)]
        verified[-1] = replace(verified[-1], diagnostics=findings)
    return table, verified


def load(
    spec: Spec,
    graph: Graph,
    sources: Sources,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    compile: CompileMode = False,
    tell: Callable[[list[Diagnostic]], None] | None = None,
) -> torch.nn.Module:
    """The model with its checkpoints' weights, in evaluation mode.

    Without `device` and `dtype` parameters share memory with the mapped files (copy on write); with
    them each tensor is cast on its own and the original released. Where the files mix dtypes and none is
    given, all parameters have the narrowest that holds them (XL519). `tell` receives the findings of a
    checkpoint that can be loaded.

    Raises:
        CrossloomError: everything `verify` finds, and XL506 and XL512 for stored copies that differ.
    """
    import torch

    table, verified = verify_sources(spec, graph, sources)
    findings = [d for one in verified for d in one.diagnostics]
    if dtype is not None:
        findings = [d for d in findings if d.code != "XL519"]
    if any(d.severity is Severity.ERROR for d in findings):
        raise CrossloomError(findings)
    if tell is not None:
        tell(findings)
    model = skeleton(spec, graph)
    target = torch.device(device) if device is not None else torch.device("cpu")
    values = {one.component: Values(one.checkpoint) for one in verified if one.checkpoint}
    resolutions = {one.component: one.resolution for one in verified if one.resolution}
    rows = {row.address: row for row in table}
    stored_dtype = dtype or getattr(torch, holding(set(stored_dtypes(verified))))
    assert isinstance(stored_dtype, torch.dtype)
    tensors: dict[str, Tensor] = {}
    for role, resolution in resolutions.items():
        for address, names in resolution.feeds.items():
            tensor = apply(rows[address].operation, [values[role][name] for name in names])
            tensors[address] = tensor.to(device=target, dtype=stored_dtype)
    tensors |= _fresh(spec, graph, table, target, stored_dtype)
    held = tensors_of(model)
    assert held.keys() == {row.address for row in table}, "the table is total"
    for address, tensor in tensors.items():
        held[address].data = tensor  # tied parameters are one already
    compute_buffers(model, table, target)
    findings = [d for role, r in resolutions.items() for d in _compared(model, role, r, values[role])]
    if findings:
        raise CrossloomError(findings)
    _cast_buffers(model, table, stored_dtype)
    return compiled(model, graph, compile).eval()


def tensors_of(model: torch.nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by its address; a tied parameter has several."""
    return {
        f"{address}.{name}" if address else name: tensor
        for address, module in model.named_modules()
        for name, tensor in chain(module._parameters.items(), module._buffers.items())
        if tensor is not None
    }


def _fresh(
    spec: Spec, graph: Graph, table: WeightTable, device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Parameters that start untrained take the values a freshly built model has."""
    fresh = [row.address for row in table if row.status == "fresh"]
    if not fresh:
        return {}
    from compiler.build import build

    values = build(spec, graph).state_dict()
    return {address: values[address].to(device=device, dtype=dtype) for address in fresh}


def _cast_buffers(model: torch.nn.Module, table: WeightTable, dtype: torch.dtype) -> None:
    """Cast computed buffers as the parameters were."""
    for owner, _, name in (row.address.rpartition(".") for row in table if row.status == "computed"):
        module = model.get_submodule(owner)
        buffer = module.get_buffer(name)
        if buffer.is_floating_point() and buffer.dtype != dtype:
            setattr(module, name, buffer.to(dtype))


def _compared(model: torch.nn.Module, role: str, resolution: Any, values: Values) -> list[Diagnostic]:
    """Stored copies against what is used: tied tensors exactly, computed ones up to their precision."""
    import torch

    findings = []
    for kept, copy in resolution.copies:
        if not torch.equal(values[kept], values[copy]):
            findings.append(_unequal(kept, copy, values[kept], values[copy]))
    for address, name in resolution.computed.items():
        if not _follows(values[name], model.get_buffer(address).cpu()):
            findings.append(
                Diagnostic(
                    "XL512",
                    Severity.ERROR,
                    f"the stored table `{name}` is not what `{address}` computes",
                    info=("this table follows from a formula and is never loaded",),
                    help="it was trained with other positions, and cannot be loaded as this family",
                )
            )
    return findings


def _follows(stored: Tensor, formula: Tensor) -> bool:
    """Whether a stored table is its formula, up to 1e-4 or its own precision; either may have more rows."""
    import torch

    rows = min(len(stored), len(formula))
    assert rows, "headers show that there is something to compare"
    tolerance = max(1e-4, torch.finfo(stored.dtype).eps)
    return torch.allclose(formula[:rows].float(), stored[:rows].float(), atol=tolerance)


def _unequal(kept: str, copy: str, first: Tensor, second: Tensor) -> Diagnostic:
    difference = (
        (first.float() - second.float()).abs().max().item() if first.shape == second.shape else "shape"
    )
    return Diagnostic(
        "XL506",
        Severity.ERROR,
        f"`{kept}` and `{copy}` are one tied tensor, but the stored copies differ",
        info=(f"largest difference: {difference}", "`tie_word_embeddings` says they are the same"),
        help="set `tie_word_embeddings: false` if they were trained apart",
    )


def _unsplit(roles: list[str]) -> Diagnostic:
    return Diagnostic(
        "XL514",
        Severity.ERROR,
        "a pair has a checkpoint for each half, and one of a published model was given for both",
        help="give {" + ", ".join(f'"{role}": ...' for role in roles) + "}",
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


__all__ = ["Sources", "TableRow", "load", "no_source", "read_table", "sources_of", "verify_sources"]
