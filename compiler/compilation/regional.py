"""Regions that torch compiles when they first run: encode, the decode step, and other methods."""

from __future__ import annotations

from typing import Any

import torch

from specs.graph import Graph

SHAPES = 64
"""How many kinds of request a compiled method may meet: greedy or beams, a mask or none, cache buckets."""


def compile_regions(model: torch.nn.Module, graph: Graph) -> None:
    """Replace every section of the model by its compiled self, each one graph."""
    # Torch gives up after 8, which a process that serves mixed requests soon reaches.
    config: Any = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, SHAPES)
    in_buckets = {method.name for method in graph.methods}
    for name, nodes in graph.sections().items():
        if nodes:
            replaced = "decode_step" if name == "decode" else name  # which looks at no values
            dynamic = False if name in in_buckets else None
            method = torch.compile(getattr(model, replaced), fullgraph=True, dynamic=dynamic)
            model.__dict__[replaced] = method
