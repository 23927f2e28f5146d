"""Regions that torch compiles when they first run: encode, the decode step, and other methods."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from specs.graph import Graph

SHAPES = 64
"""How many kinds of request a compiled method may meet: greedy or beams, a mask or none, cache buckets."""


def compile_regions(model: torch.nn.Module, graph: Graph) -> None:
    """Replace every section of the model by its compiled self, each one graph, where that is quicker."""
    in_buckets = {method.name for method in graph.methods}
    for name, nodes in graph.sections().items():
        if nodes:
            replaced = "decode_step" if name == "decode" else name  # which looks at no values
            dynamic = False if name in in_buckets else None
            parameter = _parameter(model, tuple(f"{node.name}." for node in nodes))
            model.__dict__[replaced] = _quicker(parameter, getattr(model, replaced), dynamic)


def _parameter(model: torch.nn.Module, addresses: tuple[str, ...]) -> torch.nn.Parameter:
    """The first at one of these addresses, or of all."""
    named = model.named_parameters()
    return next((one for name, one in named if name.startswith(addresses)), next(model.parameters()))


def _quicker(
    parameter: torch.nn.Parameter, own: Callable[..., Any], dynamic: bool | None
) -> Callable[..., Any]:
    """A method or its compiled self, whichever is quicker for a call; what the call gives is the same.

    Its `runs_as_it_is` tells which that is now: then no shape is worth rounding up.
    """

    @functools.cache
    def compiled() -> Callable[..., Any]:
        # Torch's compiler is large, and imported where something is compiled.
        config: Any = torch._dynamo.config
        # Torch gives up after 8, which a process that serves mixed requests soon reaches.
        config.recompile_limit = max(config.recompile_limit, SHAPES)
        return torch.compile(own, fullgraph=True, dynamic=dynamic)

    @functools.wraps(own)
    def method(*given: Any, **named: Any) -> Any:
        return (own if is_quicker_eager(parameter) else compiled())(*given, **named)

    method.__dict__["runs_as_it_is"] = functools.partial(is_quicker_eager, parameter)
    return method


def is_quicker_eager(parameter: torch.Tensor) -> bool:
    """Whether a model of such parameters is quicker as it is: in float32 on a CPU, where nothing is trained.

    There the affine maps choose their products by shape, and inductor makes others of what they choose.
    """
    return parameter.is_cpu and parameter.dtype is torch.float32 and not torch.is_grad_enabled()
