"""Executes the flow a spec's family states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runtime.generation import generate
from runtime.processing import Processor
from specs.flow import HOST_OPERATIONS, Flow, Step


@dataclass(frozen=True)
class Bench:
    """What steps work with: the model, its processor, and the options of a call."""

    model: Any
    processor: Processor
    options: Mapping[str, Any]


def _front_end(bench: Bench, audio: Any) -> Any:
    """Model inputs of a batch of waveforms at the processor's rate."""
    return bench.processor(audio=audio, sampling_rate=bench.processor.sampling_rate)


def _detokenize(bench: Bench, token_ids: Any) -> Any:
    """Texts of rows of ids, special tokens left out."""
    return bench.processor.batch_decode(token_ids, skip_special_tokens=True)


HOST: Mapping[str, Callable[[Bench, Any], Any]] = {"detokenize": _detokenize, "front_end": _front_end}
assert set(HOST) == set(HOST_OPERATIONS), "every host operation has an implementation"


def run_flow(flow: Flow, model: Any, processor: Processor, options: Mapping[str, Any], **inputs: Any) -> Any:
    """The flow's output for `inputs`; `options` go to every `generate` step."""
    bench = Bench(model, processor, options)
    values = dict(inputs)
    for step in flow.steps:
        values[step.result] = _run(step, bench, [values[name] for name in step.reads])
    return values[flow.output]


def _run(step: Step, bench: Bench, values: list[Any]) -> Any:
    match step.kind:
        case "host":
            return HOST[step.what](bench, *values)
        case "generate":
            device = next(bench.model.parameters()).device
            inputs = {name: tensor.to(device) for name, tensor in values[0].items()}
            return generate(_part(bench.model, step.what), **inputs, **bench.options)
        case "call":
            part, _, method = step.what.rpartition(".")
            return getattr(_part(bench.model, part), method)(*values)
        case "select":
            return getattr(values[0], step.what)


def _part(model: Any, name: str) -> Any:
    return model if name in ("", "model") else model.get_submodule(name)
