"""Executes the flow a family states: from what a person has to what a person wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from compiler.spec import FORMS, Spec
from runtime.failures import failure
from runtime.generation import generate
from runtime.placement import placed
from runtime.processing import Processor
from specs.flow import Flow

Values = Mapping[str, Any]


def flow_of(spec: Spec) -> Flow:
    """The flow of a spec's family; for a pair of families, of its encoder's.

    Raises:
        CrossloomError: XL114 for a spec that is no whole model of a family.
    """
    component = spec.components.get("model" if spec.kind == "model" else "encoder")
    is_whole = spec.kind in ("model", "pair") and not spec.graphs
    if is_whole and component is not None and component.family.flow is not None:
        return component.family.flow
    form = FORMS[spec.kind]
    if spec.kind == "pair":
        form = "half a free graph" if spec.graphs else "a pair without a flow"
    parts = "`encode`" if spec.kind == "encoder" else "`encode` and `decode`"
    raise failure(
        "XL114",
        f"`{spec.name}` is {form}: there is nothing to run from end to end",
        info=("a family states what leads from a person's input to a person's output, and a graph does not",)
        if spec.graphs
        else ("a model, or an encoder with a decoder, states what leads from input to output",),
        help=f"call it from Python: `crossloom.{'load' if spec.checkpoints else 'build'}(spec)` has {parts}",
    )


def run_flow(flow: Flow, model: Any, processor: Processor, values: Values, **options: Any) -> Any:
    """The flow's output for a batch; `values` gives its inputs by name, `options` go to `generate`.

    Raises:
        CrossloomError: whatever the processor or `generate` refuses.
    """
    known = dict(values)
    for step in flow.steps:
        read = [known[name] for name in step.reads]
        if step.kind == "host":
            known[step.result] = HOST[step.what](processor, *read)
        else:
            known[step.result] = generate(model, **placed(model, read[0]), **options)
    return known[flow.output]


def _front_end(processor: Processor, audio: Any) -> Any:
    """Waveforms, a list of [N_i], to the model's inputs."""
    return processor(audio=audio, sampling_rate=processor.sampling_rate)


def _image_front_end(processor: Processor, images: Any) -> Any:
    """Pictures to the model's inputs."""
    return processor(images=images)


def _detokenize(processor: Processor, ids: Any) -> list[str]:
    """Token ids [B, T] to texts."""
    return processor.batch_decode(ids)


HOST: Mapping[str, Callable[..., Any]] = {
    "detokenize": _detokenize,
    "front_end": _front_end,
    "image_front_end": _image_front_end,
}
"""What each of `specs.flow.HOST_OPERATIONS` computes."""
