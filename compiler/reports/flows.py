"""A flow as a Mermaid flowchart: what a person gives, the steps, what a person gets."""

from __future__ import annotations

from collections.abc import Iterator

from specs.flow import Flow, Step

_SHAPES = {"host": ("[", "]"), "call": ("[[", "]]"), "generate": ("[/", "/]")}
"""By the kind of a step: operations between the graphs, methods of the model, searches."""


def flow_mermaid(flow: Flow) -> str:
    """`flowchart TB` with a box for every step, named for its value; its settings are left out.

    A text that is written has another box than the text that was given.
    """
    return "\n".join(_lines(flow)) + "\n"


def _lines(flow: Flow) -> Iterator[str]:
    yield "flowchart TB"
    boxes = {name: name for name in flow.inputs}
    yield from (f"  {name}([{name}])" for name in flow.inputs)
    for step in flow.steps:
        box = f"{step.result}_written" if step.result in flow.inputs else step.result
        left, right = _SHAPES[step.kind]
        yield f'  {box}{left}"{step.result}<br/>{_what(step)}"{right}'
        sources: dict[str, list[str]] = {}
        for read in step.reads:
            source, _, field = read.partition(".")
            sources.setdefault(source, []).append(field)
        for source, fields in sources.items():
            label = f'|"{", ".join(fields)}"|' if any(fields) else ""
            yield f"  {boxes[source]} -->{label} {box}"
        boxes[step.result] = box


def _what(step: Step) -> str:
    return f"{step.kind} {step.what.replace('_', ' ') if step.kind == 'host' else step.what}"
