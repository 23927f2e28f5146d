"""A live model whose methods are replays of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from compiler.compilation.recorded_work import RecordedWork
from compiler.compilation.recordings import Recorder, Recordings
from compiler.compilation.static_methods import StaticMethod
from compiler.compilation.undisturbed import Weights
from compiler.compilation.whole_steps import WholeSteps
from specs.graph import Graph, Ref


def record_methods(model: Any, graph: Graph, recorder: Recorder, fused: bool = False) -> Recordings:
    """Replace every section of the model by its recorded self: encoders, the decode step, other methods."""
    recordings = Recordings(recorder)
    weights = Weights(model)
    weights.when_moved.append(recordings.forget)
    sections = graph.sections()
    for name, (inputs, outputs) in _methods(graph).items():
        if sections[name]:
            model.__dict__[name] = StaticMethod(
                getattr(model, name),
                graph,
                inputs,
                outputs,
                recordings,
                weights,
                model.spec.maximum_source,
            )
    if sections["decode"] and hasattr(model, "new_cache"):
        step = torch.compile(model.decode_step, fullgraph=True, dynamic=False) if fused else model.decode_step
        steps = WholeSteps(model.new_cache, step, recordings, weights, model.spec.maximum_target)
        model.__dict__ |= {"new_cache": steps.new_cache, "decode_step": steps.decode_step}
        model.__dict__["lend_work"] = RecordedWork(recordings).lend
    return recordings


def _methods(graph: Graph) -> dict[str, tuple[Sequence[str], Sequence[Ref | None]]]:
    """By its name, what each method without state takes and gives, as it gives it."""
    encoders = {
        one.name: (one.inputs, tuple(map(one.outputs.get, ("hidden", "mask")))) for one in graph.encoders
    }
    others = {one.name: (one.inputs, tuple(one.outputs.values())) for one in graph.methods}
    alone = {} if encoders else {"encode": (graph.encode_inputs, graph.encoded or ())}
    return {**alone, **encoders, **others}
