"""A model's parameters as the tensors of a published checkpoint: the inverse of loading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from compiler.exporting.carrying import carried, heads
from compiler.exporting.norms import normed_weights
from compiler.spec import Component, Spec
from compiler.weights.operations import invert
from compiler.weights.published_pairs import published_table
from specs.graph import Graph
from specs.pairs import stored_below
from specs.weights import Operation, WeightMap, split_of

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
        beside = {
            stored_below(part.family, role, name): tensor
            for role, part in spec.components.items()
            for name, tensor in carried(model, part).items()
        }
        return {**_computed_with(model, published_table(spec), graph), **beside}
    half = component.family.halves.get(component.role)
    prefix = "" if half is None or component.architecture in half.heads else half.without_prefix
    table = component.family.weights(component.view)
    tensors = {**_computed_with(model, table, graph), **carried(model, component)}
    for one in normed_weights(model, component):
        del tensors[one.weight]
        tensors |= one.tensors
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()} | heads(model, component)


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
