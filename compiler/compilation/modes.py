"""Which compilation is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from specs.graph import Graph

if TYPE_CHECKING:
    import torch

CompileMode = Literal[False, "fast", "max"]


def compiled(model: torch.nn.Module, graph: Graph, mode: CompileMode) -> torch.nn.Module:
    """The model with its methods compiled as `mode` says; names and state dict stay.

    `"fast"` compiles regions when they first run, where that is quicker. `"max"` takes a minute for an
    encoder and for each number of sentences and beams, once on a machine; weights are laid out for it, so
    the model is frozen, in evaluation mode.
    """
    if mode not in get_args(CompileMode):
        raise ValueError(f"compile takes {', '.join(map(repr, get_args(CompileMode)))}, not {mode!r}")
    if mode == "fast":
        from compiler.compilation.regional import compile_regions

        compile_regions(model, graph)
    elif mode == "max":
        if next(model.parameters()).is_cuda:
            from compiler.compilation.cuda import compile_graphs

            compile_graphs(model, graph)
        else:
            from compiler.compilation.packaged import package_methods

            package_methods(model, graph)
    return model
