"""What a published class has beside a model here, such as a pooler: kept in its checkpoint until export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.checkpoint.findings import quoted
from compiler.checkpoint.reader import read_checkpoint
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.spec import Component
from compiler.weights.values import Values
from specs.weights import Carried

if TYPE_CHECKING:
    from torch import Tensor


def carried_parts(model: Any, component: Component) -> dict[str, Tensor]:
    """The parts by their stored names: as the model's checkpoint has them, else as the class begins."""
    like = next(iter(model.parameters()))
    return {
        name: (_begun(part) if stored is None else stored).to(like.dtype).contiguous()
        for name, (part, stored) in _parts(model, component).items()
    }


def begun_parts(model: Any, component: Component) -> list[Diagnostic]:
    """XL520 where parts are written as they begin, for no checkpoint gave them."""
    begun = [name for name, (_, stored) in _parts(model, component).items() if stored is None]
    if not begun:
        return []
    return [
        Diagnostic(
            "XL520",
            Severity.WARNING,
            f"{quoted(begun)}: written with initial values",
            info=("the published class has this part, and no checkpoint of this model does",),
            help="train that part before you use it",
        )
    ]


def _parts(model: Any, component: Component) -> dict[str, tuple[Carried, Tensor | None]]:
    """Stored name -> the part, and its tensor where the model's checkpoint has it."""
    table = component.family.weights(component.view)
    source = getattr(model, "sources", {}).get(component.role)
    checkpoint = read_checkpoint(source) if source is not None else None
    found: dict[str, tuple[Carried, Tensor | None]] = {}
    for one in table.ignored:
        if one.carried is not None and one.carried.role == component.role:
            spelt = {dialect.spell(one.pattern) for dialect in table.dialects}
            name = next((n for n in spelt if checkpoint is not None and n in checkpoint.tensors), None)
            tensor = Values(checkpoint)[name] if checkpoint is not None and name is not None else None
            found[one.pattern] = (one.carried, tensor)
    return found


def _begun(part: Carried) -> Tensor:
    import torch

    generator = torch.Generator().manual_seed(0)
    begun = torch.zeros(part.shape)
    return begun.normal_(0.0, part.deviation, generator=generator) if part.deviation else begun
