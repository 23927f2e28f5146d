"""`compile="max"` on a CPU: encoders and decode steps as packages, each made once on a machine."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from compiler.compilation.freed_memory import keep_freed_memory
from compiler.compilation.frozen import freeze
from compiler.compilation.kept import KeptPackages
from compiler.compilation.packaged_encoders import PackagedEncoder
from compiler.compilation.packaged_steps import PackagedSteps
from specs.graph import Graph, Node


def package_methods(model: torch.nn.Module, graph: Graph) -> None:
    """Freeze the model, and let packages encode and decode single tokens."""
    freeze(model)
    keep_freed_memory()
    kept = KeptPackages(model)
    sections = graph.sections()
    encoders = {one.name: one.inputs for one in graph.encoders} or {"encode": graph.encode_inputs}
    for name, inputs in encoders.items():
        if sections[name]:
            own = getattr(model, name)
            encoder = PackagedEncoder(model, own, graph, inputs, _addresses(sections[name]), kept)
            model.__dict__[name] = encoder
    if sections["decode"]:
        model.__dict__["decode_step"] = PackagedSteps(model, graph, _addresses(sections["decode"]), kept)


def _addresses(nodes: Iterable[Node]) -> tuple[str, ...]:
    """What the names of these nodes' parameters begin with."""
    return tuple(f"{node.name}." for node in nodes)
