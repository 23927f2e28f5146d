"""Which of a model's flows is meant, and whether what is asked of it can be done: before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.spec import Spec
from runtime.failures import failure, refuse
from runtime.flows.executor import flow_of
from runtime.flows.host import HOST, Host
from runtime.flows.stages import of_text
from specs.flow import Flow
from specs.generation.layers import resolve
from specs.generation.lengths import resolve_lengths


def flows_by_input(spec: Spec, output: str) -> dict[str, Flow]:
    """The flows to an output, `text` or `speech`, by what a person gives; of several the first.

    Raises:
        CrossloomError: XL114 for a spec that has none.
    """
    flow_of(spec)
    found: dict[str, Flow] = {}
    for flow in spec.flows:
        if flow.output == output:
            found.setdefault(flow.inputs[0], flow)
    if not found:
        does = " and ".join(dict.fromkeys(f"{flow.inputs[0]} to {flow.output}" for flow in spec.flows))
        raise failure(
            "XL114",
            f"`{spec.name}` does not give {output}",
            info=(f"it does {does}",),
            help="leave `--speech` out, or use a model that speaks" if output == "speech" else None,
        )
    return found


def check_requests(flow: Flow, model: Any, requests: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of a flow, and what the steps find that look it up; nothing is computed for it.

    Of the model, the `tables` are read, and the `sources` if it has them.

    Raises:
        CrossloomError: XL105 where no language is given, XL103, XL112 and XL402 for a language or a speaker
            that is not there, XL422 without a table that a step would read.
    """
    if "language" in flow.requests and requests.get("language") is None:
        raise failure(
            "XL105",
            "no target language: `tgt_lang` is missing",
            info=("the language of a recording itself gives its transcript",)
            if "audio" in flow.inputs
            else (),
            help='pass `tgt_lang=`, such as "eng" (`--to eng`)',
        )
    host = Host(model)
    host.require(flow.tables)
    known = dict(requests)
    for step in flow.steps_from_requests():
        if known.keys() >= {*step.reads}:
            known[step.result] = HOST[step.what](host, *(known[name] for name in step.reads), **step.settings)
    return known


def check_options(spec: Spec, options: Mapping[str, Any], checkpoint: dict[str, Any] | None = None) -> None:
    """Refuse options of `generate` that cannot be used, before anything is loaded or read.

    Without the `checkpoint`'s own options a missing length limit is not known yet. Those of one stage of a
    flow alone are its own affair.
    """
    known = checkpoint is not None
    if any(flow.requests for flow in spec.flows):
        options = of_text(options)
    resolution = resolve(
        options, spec=spec.generation, checkpoint=checkpoint, config=spec.config, complete=known
    )
    problems = list(resolution.problems)
    merged = resolution.options
    if merged is not None and checkpoint is not None and not problems:
        problems += resolve_lengths(merged, 1, spec.maximum_target)[1]
    refuse(problems)
    if merged is not None and merged.num_return_sequences > 1:
        raise failure(
            "XL407",
            f"`num_return_sequences` is {merged.num_return_sequences}, but an input gets one text",
            help="leave it out, or call `crossloom.generate` for several",
        )
