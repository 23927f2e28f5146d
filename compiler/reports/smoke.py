"""One forward of a live model on random inputs, to see that what was compiled runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.spec import Spec
from specs.graph import Graph
from specs.values import plain

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 2
_SMALL = 8
"""Of every free length, where the model's positions reach so far."""


@dataclass(frozen=True, slots=True)
class Smoke:
    """What came out: the shape of each tensor by name, and whether all of them are finite."""

    shapes: dict[str, tuple[int, ...]]
    is_finite: bool


def smoke_forward(model: Any, spec: Spec, graph: Graph) -> Smoke:
    """What comes out of `probe`."""
    tensors = probe(model, spec, graph)
    finite = all(bool(value.isfinite().all()) for value in tensors.values())
    return Smoke({name: tuple(value.shape) for name, value in tensors.items()}, finite)


def probe(model: Any, spec: Spec, graph: Graph) -> dict[str, Tensor]:
    """All that the model gives of inputs drawn from a fixed seed, in evaluation mode, without gradients."""
    import torch

    was_training = model.training
    model.eval()
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parameter = next(model.parameters())
        inputs = {
            name: tensor.to(parameter.device, parameter.dtype if tensor.is_floating_point() else tensor.dtype)
            for name, tensor in _inputs(spec, graph).items()
        }
        tensors = {
            name: value
            for method, names in _calls(graph).items()
            for name, value in _called(model, method, {name: inputs[name] for name in names})
        }
    model.train(was_training)
    return tensors


def _calls(graph: Graph) -> dict[str, tuple[str, ...]]:
    """The methods that together run every node, and the graph inputs of each: the whole last."""
    whole = (*(graph.encoders[0].inputs if graph.encoders else graph.encode_inputs), *graph.decode_inputs)
    beside = {method.name: method.inputs for method in (*graph.encoders[1:], *graph.methods)}
    return {**beside, "forward" if graph.decode_inputs else "encode": whole}


def _called(model: Any, method: str, inputs: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """What a method gives; other tensors than those of the whole are named after it."""
    given = getattr(model, method)(**inputs)
    named = given._asdict() if hasattr(given, "_asdict") else {"result": given}
    prefix = "" if method in ("forward", "encode") else f"{method}."
    yield from ((f"{prefix}{name}", value) for name, value in named.items() if hasattr(value, "shape"))


def _inputs(spec: Spec, graph: Graph) -> dict[str, Tensor]:
    import torch

    sizes = _sizes(spec, graph)
    start = int(plain(graph.tokens.decoder_start)) if graph.tokens else 0
    inputs: dict[str, Tensor] = {}
    for name, type_ in graph.inputs.items():
        shape = [dim.evaluate(sizes) for dim in type_.dims]
        if type_.role in ("mask", "lengths"):
            inputs[name] = torch.ones(shape, dtype=torch.int64)
        elif type_.dtype == "int64":  # only the decoder's are known to hold the start id
            inputs[name] = torch.full(shape, start if name == "decoder_input_ids" else 0)
        else:
            inputs[name] = torch.randn(shape)
    return inputs


def _sizes(spec: Spec, graph: Graph) -> dict[str, int]:
    """Small lengths: a little above the least ones, and within the positions that the families state."""
    sizes = {name: max(least, _SMALL) for name, least in graph.minimums.items()} | {"batch": _BATCH}
    for role, component in spec.components.items():
        target = component.family.maximum_target(component.view) if role != "encoder" else None
        if target is not None and "target" in sizes:
            sizes["target"] = min(sizes["target"], target)
        source = component.family.maximum_source(component.view) if role != "decoder" else None
        if source is not None and graph.encoded is not None:
            states = graph.types[graph.encoded[0]].dims[1]
            if states.names() <= sizes.keys() and states.evaluate(sizes) > source:
                sizes |= {name: graph.minimums[name] for name in states.names() - {"batch"}}
    return sizes
