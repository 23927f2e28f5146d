"""A model's parameters as the tensors of a published checkpoint: the inverse of loading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from compiler.checkpoint.checkpoint import Checkpoint
from compiler.checkpoint.reader import read_checkpoint
from compiler.published_pairs import published_table
from compiler.spec import Component, Spec
from compiler.weights.operations import invert
from compiler.weights.values import Values
from specs.graph import Graph
from specs.pairs import stored_below
from specs.weights import Carried, Operation, WeightMap, split_of

if TYPE_CHECKING:
    from torch import Tensor


def part_with_class(spec: Spec) -> Component | None:
    """The one part of a spec that has a published class."""
    if spec.kind == "pair" or not spec.components:
        return None
    (component,) = spec.components.values()
    is_published = component.role == "model" or component.role in component.family.halves
    return component if is_published else None


def stored_tensors(model: Any, spec: Spec, graph: Graph) -> dict[str, Tensor]:
    """The checkpoint's tensors by stored name, in the spelling of the published class."""
    component = part_with_class(spec)
    if component is None:
        table, prefix = published_table(spec), ""
    else:
        half = component.family.halves.get(component.role)
        table, prefix = component.family.weights(component.view), half.without_prefix if half else ""
    tensors = {**_computed_with(model, table, graph), **_carried(model, spec)}
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


def _computed_with(model: Any, table: WeightMap, graph: Graph) -> dict[str, Tensor]:
    """The tensors of the model's own parameters, by the table's names."""
    state = model.state_dict()
    tied = {tie.tied for tie in graph.ties}
    parts: dict[tuple[str, ...], list[tuple[Operation, str]]] = {}
    for address in graph.parameters():
        if address not in tied:
            found = table.find(address)
            assert found is not None, f"the table has a row for {address}"
            parts.setdefault(found[1], []).append((found[0].operation, address))
    tensors = dict(_computed_and_stored(model, table))
    for names, fed in parts.items():
        (operation, address), *others = sorted(fed, key=lambda part: _index(part[0]))
        stored = invert(operation, state[address], [state[other] for _, other in others])
        for name, tensor in zip(names, stored, strict=True):
            tensors[name] = tensor.detach().cpu().contiguous()
    return tensors


def _computed_and_stored(model: Any, table: WeightMap) -> Iterator[tuple[str, Tensor]]:
    """The computed buffers that the published class stores too, by the table's names."""
    for address, buffer in model.named_buffers():
        found = table.find(address)
        if found is not None and found[0].exported:
            yield found[1][0], buffer.detach().cpu().contiguous()


def _index(operation: Operation) -> int:
    """Which part of its stored tensor an operation gives."""
    split = split_of(operation)
    return 0 if split is None else split.index


def _carried(model: Any, spec: Spec) -> dict[str, Tensor]:
    """What the published classes have beside: as a checkpoint stores it, else as the class begins."""
    like = next(iter(model.parameters()))
    checkpoints = {role: read_checkpoint(source) for role, source in getattr(model, "sources", {}).items()}
    carried = {}
    for component in spec.components.values():
        table = component.family.weights(component.view)
        for one in table.ignored:
            if one.carried is None or one.carried.role != component.role:
                continue
            is_pair = len(spec.components) > 1
            name = stored_below(component.family, component.role, one.pattern) if is_pair else one.pattern
            stored = next(_found(checkpoints, spec, component, one.pattern), None)
            carried[name] = (_initial(one.carried) if stored is None else stored).to(like.dtype).contiguous()
    return carried


def _found(
    checkpoints: dict[str, Checkpoint], spec: Spec, component: Component, pattern: str
) -> Iterator[Tensor]:
    """A tensor of a part, in its own checkpoint or in one of the whole, however it is spelt there."""
    tables = {component.role: (component.family.weights(component.view), pattern)}
    if len(spec.components) > 1:
        tables["model"] = published_table(spec), stored_below(component.family, component.role, pattern)
    for role, (table, name) in tables.items():
        for spelt in {dialect.spell(name): None for dialect in table.dialects}:
            if role in checkpoints and spelt in checkpoints[role].tensors:
                yield Values(checkpoints[role])[spelt]


def _initial(one: Carried) -> Tensor:
    """The values that a published class begins with."""
    import torch

    if not one.deviation:
        return torch.zeros(one.shape)
    return torch.zeros(one.shape).normal_(0.0, one.deviation, generator=torch.Generator().manual_seed(0))
