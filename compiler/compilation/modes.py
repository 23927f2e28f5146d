"""Which compilation is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from specs.graph import Graph

if TYPE_CHECKING:
    import torch

CompileMode = Literal[False, "fast"]


def compiled(model: torch.nn.Module, graph: Graph, mode: CompileMode) -> torch.nn.Module:
    """The model with its methods compiled as `mode` says; names and state dict stay."""
    if mode not in get_args(CompileMode):
        raise ValueError(f"compile takes {', '.join(map(repr, get_args(CompileMode)))}, not {mode!r}")
    if mode == "fast":
        from compiler.compilation.regional import compile_regions

        compile_regions(model, graph)
    return model
