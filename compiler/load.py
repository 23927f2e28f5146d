"""A live model with a checkpoint's weights: proved total by headers, then mapped in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from compiler.build import skeleton, tensors_of
from compiler.checkpoint.dtypes import holding
from compiler.collector import collector_paused
from compiler.compilation import CompileMode, compiled
from compiler.computed_buffers import compute_buffers
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.precision import precision
from compiler.quantising import quantise
from compiler.sources import Sources, verify_sources
from compiler.spec import Spec
from compiler.verifying.checkpoint import stored_dtypes
from compiler.weights.streaming import Feed, parameters
from compiler.weights.table import WeightTable
from compiler.weights.values import Values
from compiler.weights.vocabulary import TakenRows
from specs.graph import Graph

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from compiler.precision import Dtypes


@collector_paused()
def load(
    spec: Spec,
    graph: Graph,
    sources: Sources,
    device: torch.device | str | None = None,
    dtype: Dtypes = None,
    compile: CompileMode = False,
    tell: Callable[[list[Diagnostic]], None] | None = None,
) -> torch.nn.Module:
    """The model with its checkpoints' weights, in evaluation mode; `model.fresh` names what is in none.

    Without `device` and `dtype` parameters share memory with the mapped files (copy on write); with
    them each tensor is cast on its own and the original released. Where the files mix dtypes and none is
    given, all parameters have the narrowest that holds them (XL519). `tell` receives the findings of a
    checkpoint that can be loaded.

    Raises:
        CrossloomError: everything `verify` finds, and XL506 and XL512 for stored copies that differ.
    """
    import torch

    wanted = precision(graph, dtype)
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
    stored = getattr(torch, holding(set(stored_dtypes(verified))))

    def dtype_of(address: str) -> torch.dtype:
        return wanted.of(address) or stored

    feeds = [
        Feed(address, values[role], names, resolution.dialect.operation(rows[address]))
        for role, resolution in resolutions.items()
        for address, names in resolution.feeds.items()
    ]
    tensors: dict[str, Tensor] = {}
    for one in dict.fromkeys(dtype_of(feed.address) for feed in feeds):
        tensors |= parameters([feed for feed in feeds if dtype_of(feed.address) == one], target, one)
    for address, fresh in _fresh(spec, graph, table, target, dtype_of).items():
        taken = rows[address].taken
        is_loaded = taken is not None and address in tensors
        tensors[address] = _with_rows(fresh, tensors[address], taken) if taken and is_loaded else fresh
    held = tensors_of(model)
    assert held.keys() == {row.address for row in table}, "the table is total"
    for address, tensor in tensors.items():
        held[address].data = tensor  # tied parameters are one already
    model.__dict__["fresh"] = tuple(row.address for row in table if row.status == "fresh")
    compute_buffers(model, table, target)
    findings = [d for role, r in resolutions.items() for d in _compared(model, r, values[role])]
    if findings:
        raise CrossloomError(findings)
    _cast_buffers(model, table, dtype_of)
    quantise(model.eval(), spec, graph, wanted)
    return compiled(model, graph, compile)


def _fresh(
    spec: Spec,
    graph: Graph,
    table: WeightTable,
    device: torch.device,
    dtype_of: Callable[[str], torch.dtype],
) -> dict[str, Tensor]:
    """Parameters that start untrained, or have rows that do, take the values a freshly built model has."""
    fresh = [row.address for row in table if row.status == "fresh" or (row.taken and row.status == "loaded")]
    if not fresh:
        return {}
    from compiler.build import build

    values = build(spec, graph).state_dict()
    return {address: values[address].to(device=device, dtype=dtype_of(address)) for address in fresh}


def _with_rows(fresh: Tensor, stored: Tensor, taken: TakenRows) -> Tensor:
    """A parameter of fresh values, with the rows it takes of a stored one."""
    import torch

    pairs = [(index, row) for index, row in enumerate(taken.take) if row is not None]
    ours, theirs = (torch.tensor(one, device=fresh.device) for one in zip(*pairs, strict=True))
    return fresh.index_copy(taken.axis, ours, stored.index_select(taken.axis, theirs))


def _cast_buffers(model: torch.nn.Module, table: WeightTable, dtype_of: Callable[[str], torch.dtype]) -> None:
    """Cast computed buffers as the parameters were."""
    for owner, _, name in (row.address.rpartition(".") for row in table if row.status == "computed"):
        module = model.get_submodule(owner)
        buffer = module.get_buffer(name)
        if buffer.is_floating_point():
            setattr(module, name, buffer.to(dtype_of(f"{owner}.{name}")))


def _compared(model: torch.nn.Module, resolution: Any, values: Values) -> list[Diagnostic]:
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
    """Whether a stored table is its formula, up to 1e-4 or its own precision; either may have more rows.

    One of whole numbers is it exactly.
    """
    import torch

    if not formula.is_floating_point():
        return torch.equal(stored.to(formula.dtype), formula)

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
