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
    """The flow of a spec: of a whole model, or of two families that say how to read and how to write.

    Raises:
        CrossloomError: XL114 for a spec that has none.
    """
    flow = spec.flow
    if flow is not None:
        return flow
    form = FORMS[spec.kind]
    if spec.kind == "pair":
        lacking = " and ".join(f"`{role}`" for role in spec.parts if not _states(spec, role))
        form = "half a free graph" if spec.graphs else f"a pair without a flow: {lacking} states none"
    parts = "`encode`" if spec.kind == "encoder" else "`encode` and `decode`"
    raise failure(
        "XL114",
        f"`{spec.name}` is {form}: there is nothing to run from end to end",
        info=("a family states what leads from a person's input to a person's output, and a graph does not",)
        if spec.graphs
        else ("a model, or an encoder with a decoder, states what leads from input to output",),
        help=f"call it from Python: `crossloom.{'load' if spec.checkpoints else 'build'}(spec)` has {parts}",
    )


def _states(spec: Spec, role: str) -> bool:
    """Whether a half says how what a person has is read, or what it writes is shown."""
    stated = spec.processing
    return (stated.tokenizer if role == "decoder" else stated.takes) is not None


def run_flow(
    flow: Flow, model: Any, processor: Processor, values: Values, reading: Values, **options: Any
) -> Any:
    """The flow's output for a batch; `values` gives its inputs by name, `options` go to `generate`.

    `reading` goes to the first step, which makes the model's inputs.

    Raises:
        CrossloomError: whatever the processor or `generate` refuses.
    """
    known = dict(values)
    for number, step in enumerate(flow.steps):
        read = [known[name] for name in step.reads]
        if step.kind == "host":
            known[step.result] = HOST[step.what](processor, *read, **({} if number else reading))
        else:
            known[step.result] = generate(model, **placed(model, read[0]), **options)
    return known[flow.output]


def _front_end(processor: Processor, audio: Any, **reading: Any) -> Any:
    """Waveforms, a list of [N_i], to the model's inputs."""
    return processor(audio=audio, sampling_rate=processor.sampling_rate, **reading)


def _tokenize(processor: Processor, texts: Any, **reading: Any) -> Any:
    """Texts, a list, to the model's inputs."""
    return processor(text=texts, **reading)


def _image_front_end(processor: Processor, images: Any, **languages: Any) -> Any:
    """Pictures to the model's inputs."""
    return processor(images=images, **languages)


def _detokenize(processor: Processor, ids: Any) -> list[str]:
    """Token ids [B, T] to texts."""
    return processor.batch_decode(ids)


HOST: Mapping[str, Callable[..., Any]] = {
    "detokenize": _detokenize,
    "front_end": _front_end,
    "image_front_end": _image_front_end,
    "tokenize": _tokenize,
}
"""What each of `specs.flow.HOST_OPERATIONS` computes."""
