"""Times of one live model: its encoder, and decode steps held against what they have to read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from compiler.spec import Spec
from runtime.measuring.decode_step import step_bytes
from runtime.measuring.peaks import Peaks
from runtime.measuring.samples import Series, interleave, timed
from specs.graph import Graph


class Timing(NamedTuple):
    """One kind of work: a sample of `series` is for `pieces` of it.

    `limit` is the seconds that reading its weights and caches once takes at full bandwidth.
    """

    title: str
    series: Series
    pieces: int = 1
    limit: float | None = None

    @property
    def seconds(self) -> float:
        """The least, for one piece of work."""
        return self.series.minimum / self.pieces

    @property
    def median(self) -> float:
        """The middle one."""
        return self.series.median / self.pieces


class _Kind(NamedTuple):
    title: str
    work: Callable[[], object]
    pieces: int = 1
    limit: float | None = None


def measure_model(
    model: Any,
    eager: Any,
    spec: Spec,
    graph: Graph,
    peaks: Peaks,
    *,
    length: int,
    tokens: int,
    beams: int,
    rounds: int,
) -> list[Timing]:
    """Encode one input of up to `length`, then decode up to `tokens` tokens in one row and in `beams`.

    The model is on CPU and in evaluation mode; both lengths are cut to what its positions allow. `eager` is
    the same without compilation: what a step reads is seen in its modules.
    """
    sizes = input_sizes(spec, graph, length, tokens)
    dtype = next(parameter.dtype for parameter in eager.parameters())
    inputs = _encoder_inputs(model, graph, sizes, dtype)
    longest = max(value.shape[1] for value in inputs.values())
    with torch.inference_mode():
        kinds = [_Kind(f"encode, {longest} long", lambda: model.encode(**inputs))]
        if graph.decode_nodes():
            encoded, steps = model.encode(**inputs), sizes["target"]
            for width in sorted({1, beams}):
                title = f"decode step, {width} beams" if width > 1 else "decode step, 1 row"
                limit = step_bytes(eager, encoded, steps, width) / peaks.bandwidth
                kinds.append(_Kind(title, _steps(model, encoded, steps, width), steps, limit))
        series = interleave([timed(kind.work) for kind in kinds], rounds)
    return [
        Timing(kind.title, samples, kind.pieces, kind.limit)
        for kind, samples in zip(kinds, series, strict=True)
    ]


def input_sizes(spec: Spec, graph: Graph, length: int, tokens: int) -> dict[str, int]:
    """One sentence: every free input length `length`, or as long as the positions of the encoder allow."""
    least = graph.minimums
    sizes = {name: max(minimum, length) for name, minimum in least.items()} | {"batch": 1}
    sizes["target"] = tokens
    for role, component in spec.components.items():
        target = component.family.maximum_target(component.view) if role != "encoder" else None
        if target is not None:
            sizes["target"] = min(sizes["target"], target)
        source = component.family.maximum_source(component.view) if role != "decoder" else None
        if source is not None and graph.encoded is not None:
            states = graph.types[graph.encoded[0]].dims[1]
            free = states.names() - {"batch"}
            while states.evaluate(sizes) > source and any(sizes[name] > least[name] for name in free):
                sizes |= {name: max(least[name], sizes[name] * 3 // 4) for name in free}
    return sizes


def _encoder_inputs(model: Any, graph: Graph, sizes: dict[str, int], dtype: torch.dtype) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = {}
    used = graph.encoders[0].inputs if graph.encoders else graph.encode_inputs
    for name in inspect.signature(model.encode).parameters:
        type_ = graph.inputs[name]
        shape = [dim.evaluate(sizes) for dim in type_.dims]
        if name not in used:
            continue
        if type_.role == "mask":
            inputs[name] = torch.ones(shape, dtype=torch.int64)
        elif type_.role == "token_ids":
            inputs[name] = torch.zeros(shape, dtype=torch.int64)
        else:
            inputs[name] = torch.randn(shape, generator=generator).to(dtype)
    return inputs


def _steps(model: Any, encoded: Any, tokens: int, beams: int) -> Callable[[], None]:
    ids = torch.zeros((beams, 1), dtype=torch.int64)

    def decode() -> None:
        cache = model.new_cache(beams, tokens, encoded=encoded, beams=beams)
        for _ in range(tokens):
            model.decode(ids, encoded, cache=cache)

    return decode
