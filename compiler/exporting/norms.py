"""Weights that a checkpoint stores as magnitude and direction: while they are the same, so are these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.exporting.carrying import stored_by
from compiler.spec import Component
from compiler.weights.folding import folded
from compiler.weights.operations import apply, invert
from specs.weights import Dialect, Fold, Stored, WeightMap, normed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Normed:
    """A weight in two tensors.

    Attributes:
        weight: its stored name where it is plain.
        tensors: magnitude and direction, by their stored names.
        is_kept: whether they are those of the checkpoint.
    """

    weight: str
    tensors: Mapping[str, Tensor]
    is_kept: bool


def normed_weights(model: Any, component: Component) -> Iterator[Normed]:
    """The weights that the checkpoint of a part stores so; all that can be, or none."""
    table = component.family.weights(component.view)
    if not any(row.foldable for row in table.rows):
        return
    stored = stored_by(model, component)
    for address, parameter in model.named_parameters():
        found = table.find(address)
        if found is None or not found[0].foldable:
            continue
        row = replace(found[0], sources=found[1])
        dialect = _spelling(table, row, stored)
        if dialect is not None:
            assert dialect.norm is not None, "it has two tensors for a weight"
            weight = parameter.detach().cpu()
            given = [stored[name] for name in dialect.names(row)]
            is_kept = apply(Fold(), given).to(weight.dtype).equal(weight)
            pair = [one.to(weight.dtype) for one in given] if is_kept else invert(Fold(), weight)
            (name,) = row.sources
            yield Normed(name, dict(zip(normed(name, dialect.norm), pair, strict=True)), is_kept)


def _spelling(table: WeightMap, row: Stored, stored: Mapping[str, Tensor]) -> Dialect | None:
    """The dialect in which a weight is normed, where the checkpoint has it so."""
    return next(
        (
            dialect
            for dialect in table.dialects
            if dialect.norm is not None and all(name in stored for name in dialect.names(row))
        ),
        None,
    )


def split_anew(model: Any, component: Component) -> list[Diagnostic]:
    """XL521 where weights have changed since their magnitudes and directions were read."""
    changed = [one.weight for one in normed_weights(model, component) if not one.is_kept]
    if not changed:
        return []
    return [
        Diagnostic(
            "XL521",
            Severity.WARNING,
            f"{len(changed)} weights stored as magnitude and direction have changed: they are written as |W| "
            "and W",
            info=(
                "many pairs make one weight, and training here moves the weight itself",
                f"changed: {', '.join(folded(changed))}",
            ),
            help="nothing is lost: both ways of writing them make the same weights",
        )
    ]
