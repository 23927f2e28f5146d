"""What the machine does at best, and what a task has to read and compute: the least time it takes."""

from __future__ import annotations

import math
import platform
from typing import Any

import torch
import transformers

import crossloom
from benchmarks import inputs
from compiler.reports.facts import facts_of
from runtime.measuring.decode_step import step_bytes
from runtime.measuring.peaks import measure_peaks


def conditions() -> dict[str, Any]:
    """What a table has to say for its figures to mean anything."""
    return {
        "threads": torch.get_num_threads(),
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}",
        "machine": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
    }


def peaks() -> dict[str, float]:
    """Memory read and matrix products, by the names of `Peaks`."""
    return measure_peaks()._asdict()


def encoding(folder: str, given: dict[str, Any], dtype: str | None = None) -> dict[str, float]:
    """The arithmetic of encoding a batch, padding included."""
    return {"operations" if dtype is None else f"operations_{dtype}": _encoder_operations(folder, given)}


def generation(folder: str, given: dict[str, Any], tokens: int, beams: int = 1) -> dict[str, float]:
    """The encoder's arithmetic, and what all steps read: every weight and every cache once each."""
    model = crossloom.from_pretrained(folder)
    with torch.inference_mode():
        encoded = model.encode(**inputs.make(**given))
    read = tokens * step_bytes(model, encoded, tokens, beams)
    return {"operations": _encoder_operations(folder, given), "bytes": read}


def _encoder_operations(folder: str, given: dict[str, Any]) -> float:
    """Two for each multiply-add that the graph counts at these sizes."""
    spec = crossloom.import_spec(folder)
    graph = crossloom.lower(spec)
    facts = facts_of(spec, graph)
    batch = inputs.make(**given)
    sizes: dict[str, int] = {}
    for name, tensor in batch.items():
        for dim, size in zip(graph.inputs[name].dims, tensor.shape, strict=True):
            sizes |= dict.fromkeys(dim.names(), size)
    counted = [node.operations for node in facts.of("encode")]
    return 2.0 * math.fsum(one.evaluate({**facts.sizes, **sizes}) for one in counted)
