"""Executes the flow a family states: from what a person has to what a person wants."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from typing import Any

import torch

from compiler.analysis import analysis_of
from compiler.spec import FORMS, Spec
from runtime.failures import failure
from runtime.flows.buckets import call_in_buckets
from runtime.flows.host import HOST, Host
from runtime.generation import generate
from runtime.generation.inputs import encode_checked
from runtime.placement import placed
from specs.flow import Flow, Step

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


def execute(
    flow: Flow, host: Host, values: Values, wanted: Collection[str], options: Values
) -> dict[str, Any]:
    """All values of a flow that lead from those given to those wanted; steps that nobody needs are left out.

    Raises:
        CrossloomError: whatever a step refuses.
    """
    known = dict(values)
    for step in flow.steps_to(wanted, known):
        read = [reduce(getattr, rest, known[name]) for name, *rest in (r.split(".") for r in step.reads)]
        match step.kind:
            case "host":
                known[step.result] = HOST[step.what](host, *read, **step.settings)
            case "generate":
                known[step.result] = _generated(host.model, read, options)
            case "call":
                known[step.result] = _called(host.model, step, read)
    return known


def _generated(model: Any, read: list[Any], options: Values) -> Any:
    """Token ids, of the model's inputs or of what its encoder gave; they begin with a prompt, if there is."""
    source, *prompt = read
    given = placed(model, source) if isinstance(source, Mapping) else {"encoder_outputs": source}
    if prompt:
        given["decoder_input_ids"] = prompt[0]
    return generate(model, **given, **options)


def _runs_as_it_is(model: Any, name: str) -> bool:
    """Whether a method is computed anew for every shape, so that none is worth rounding up."""
    compiled = model.__dict__.get(name)
    asked = getattr(compiled, "runs_as_it_is", None)
    return compiled is None or (asked is not None and bool(asked()))


def _called(model: Any, step: Step, read: list[Any]) -> Any:
    """What a method of the model gives, without gradients."""
    with torch.inference_mode():
        if step.what == "encode":
            return encode_checked(model, placed(model, read[0]))
        graph = analysis_of(model.spec).graph
        method = next((one for one in graph.methods if one.name == step.what), None) if graph else None
        if graph is None or method is None or _runs_as_it_is(model, step.what):
            return getattr(model, step.what)(*read)
        return call_in_buckets(model, graph, method, dict(zip(method.inputs, read, strict=False)))
