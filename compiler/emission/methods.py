"""Methods of an emitted model beside `encode` and `decode`: what each takes, computes and gives."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.emission.calls import Calls
from compiler.emission.input_checks import shape_checks, value_checks
from specs.graph import Graph, Method, Ref
from specs.signatures import SIGNATURES


@dataclass(frozen=True, slots=True)
class MethodText:
    """The pieces of a method's source.

    Attributes:
        result: the annotation of what it gives: a tensor, or a named tuple of several.
        fields: names and noted types of that tuple's fields.
        returned: the expression it ends with.
    """

    name: str
    summary: str
    parameters: tuple[str, ...]
    lines: tuple[str, ...]
    result: str
    fields: tuple[tuple[str, str], ...]
    returned: str


def method_text(graph: Graph, calls: Calls, method: Method) -> MethodText:
    """A method that is called by itself: one tensor, or a named tuple of all it gives."""
    given = {name: calls.variable(ref, method.name) for name, ref in method.outputs.items()}
    returned, result = ", ".join(given.values()), "Tensor"
    if len(given) > 1:
        result = "".join(word.capitalize() for word in method.name.split("_"))
        returned = f"{result}({returned})"
    fields = tuple((name, str(graph.types.get(ref, ""))) for name, ref in method.outputs.items())
    return _text(graph, calls, method, result, fields if len(given) > 1 else (), returned)


def encoder_text(graph: Graph, calls: Calls, method: Method) -> MethodText:
    """One of several encoders."""
    hidden, mask = method.outputs["hidden"], method.outputs.get("mask")
    returned = f"Encoded({', '.join(encoded(calls, hidden, mask, method.name))})"
    return _text(graph, calls, method, "Encoded", (), returned)


def encoded(calls: Calls, hidden: Ref, mask: Ref | None, section: str, like: str = "") -> list[str]:
    """Arguments of what an encoder gives: its states, in the dtype of `like` where named, and mask."""
    states = calls.variable(hidden, section)
    cast = f"{states}.to({like}.dtype)" if like else states
    return [cast, calls.variable(mask, section) if mask else "None"]


def parameter(graph: Graph, name: str) -> str:
    """A graph input as a parameter of a method."""
    return f"{name}: Tensor{' | None = None' if name in graph.optional_inputs else ''}"


def _text(
    graph: Graph,
    calls: Calls,
    method: Method,
    result: str,
    fields: tuple[tuple[str, str], ...],
    returned: str,
) -> MethodText:
    nodes = graph.sections()[method.name]
    inputs = sorted(method.inputs, key=lambda name: name in graph.optional_inputs)
    parameters = [parameter(graph, name) for name in inputs]
    if any(SIGNATURES[node.kind].takes_length for node in nodes):
        parameters.append("length: int | None = None")
    lines = (*value_checks(graph, inputs), *shape_checks(graph, inputs), *calls.lines(nodes, method.name))
    return MethodText(method.name, method.summary, tuple(parameters), lines, result, fields, returned)
