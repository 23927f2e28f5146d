"""`compile="max"` on CUDA: whole decode steps, encoders and other methods as CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from compiler.compilation.frozen import freeze
from compiler.compilation.recorded import record_methods
from compiler.compilation.recordings import Recording
from specs.graph import Graph

WARM_UPS = 2
"""Runs before one is recorded, in which libraries choose their kernels and set up what they work in."""


def compile_graphs(model: torch.nn.Module, graph: Graph, fused: bool = False) -> None:
    """Replace the model's methods by replays of what they had the device do.

    Kernels are those of eager mode, and so are the numbers; `fused` has torch compile a decode step first.
    """
    record_methods(model, graph, CudaRecorder(next(model.parameters()).device), fused)
    freeze(model)


class CudaRecorder:
    """Records CUDA graphs, which share one pool of memory: only one runs at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, run: Callable[[], Any], undo: Callable[[], None]) -> Recording:
        """Capture `run`. What it allocates is the pool's; what it reads was allocated before."""
        with torch.cuda.device(self._device):
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UPS):
                    run()
                    undo()
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            # Other threads may go on allocating.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                result = run()
        return Recording(result, graph.replay)

    def wait(self) -> None:
        """Return when nothing that was launched is running."""
        torch.cuda.synchronize(self._device)
