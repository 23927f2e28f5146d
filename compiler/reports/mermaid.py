"""A graph as a Mermaid flowchart, which many Markdown viewers draw."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.reports.facts import Facts
from compiler.reports.text import described
from specs.graph import Ref


def graph_mermaid(facts: Facts) -> str:
    """`flowchart TB` with a subgraph for every method, and shapes on the lines."""
    return "\n".join(_lines(facts)) + "\n"


def _lines(facts: Facts) -> Iterator[str]:
    names = {Ref("", name).port: f"i{index}" for index, name in enumerate(facts.inputs)}
    nodes = {node.address: f"n{index}" for index, node in enumerate(facts.nodes)}
    yield "flowchart TB"
    for name, type_ in facts.inputs.items():
        yield f"  {names[name]}([{_quoted(name, str(type_))}])"
    for side in facts.sides:
        yield f"  subgraph {side}"
        for node in facts.of(side):
            yield f"    {nodes[node.address]}[{_quoted(node.address, described(node))}]"
        yield "  end"
    for node in facts.nodes:
        for ref in dict.fromkeys(node.inputs.values()):
            source = nodes[ref.node] if ref.node else names[ref.port]
            line = "-.->" if facts.types[ref].role == "mask" else "-->"
            shape = f"|{_quoted(str(facts.types[ref]))}|" if ref.node else ""
            yield f"  {source} {line}{shape} {nodes[node.address]}"
    for index, (name, ref) in enumerate(facts.outputs.items()):
        source = nodes[ref.node] if ref.node else names[ref.port]
        yield f"  {source} --> o{index}([{_quoted(name, str(facts.types[ref]))}])"


def _quoted(*lines: str) -> str:
    """Text as Mermaid takes it: quotes and angle brackets as entities."""
    escaped = (line.replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;") for line in lines)
    return '"' + "<br/>".join(escaped) + '"'
