"""README.md of an emitted folder: what a reviewer wants to know before opening modeling.py."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from compiler.emission.rendering import environment
from compiler.reports.flows import flow_mermaid
from compiler.resolved import digest
from compiler.spec import Spec
from specs.graph import Graph, Node, Ref
from specs.signatures import SIGNATURES
from specs.values import plain


def readme(spec: Spec, graph: Graph) -> str:
    """The page, as Markdown."""
    tied = {tie.tied for tie in graph.ties}
    sizes = {address: math.prod(shape) for address, shape in graph.parameters().items()}
    total = sum(size for address, size in sizes.items() if address not in tied)
    component = spec.components.get("model")
    text = (
        environment()
        .get_template("README.md.j2")
        .render(
            name=spec.name,
            digest=digest(spec),
            form=_form(spec),
            parameters=total,
            tied=", ".join(sorted(tied)),
            megabytes=f"{total * 4 / 1e6:.1f}",
            tokens=_tokens(graph),
            long_input=spec.long_input if component else None,
            inputs=list(_inputs(graph)),
            sections=list(_sections(graph, sizes, tied)),
            padding=[
                f"`{node.name}` ({SIGNATURES[node.kind].leaks_padding})"
                for node in graph.order()
                if SIGNATURES[node.kind].leaks_padding
            ],
            flows=[(flow, flow_mermaid(flow)) for flow in spec.flows],
        )
    )
    return text


def _form(spec: Spec) -> str:
    if spec.kind == "graph":
        return "free graph"
    return ", ".join(f"{role}: `{part.label}`" for role, part in spec.parts.items())


def _tokens(graph: Graph) -> str:
    if graph.tokens is None:
        return ""
    named = {
        "start": graph.tokens.decoder_start,
        "pad": graph.tokens.pad,
        "bos": graph.tokens.bos,
        "eos": graph.tokens.eos,
    }
    return ", ".join(f"{name} {plain(value)}" for name, value in named.items() if plain(value) is not None)


def _inputs(graph: Graph) -> Iterator[dict[str, Any]]:
    for name, type_ in graph.inputs.items():
        free = {n for dim in type_.dims for n in dim.names()}
        shortest = [f"{n} >= {graph.minimums[n]}" for n in sorted(free) if graph.minimums.get(n, 1) > 1]
        optional = ["optional"] if name in graph.optional_inputs else []
        yield {
            "name": name,
            "role": type_.role.replace("_", " "),
            "shape": str(type_),
            "note": ", ".join(optional + shortest),
        }


def _sections(graph: Graph, sizes: dict[str, int], tied: set[str]) -> Iterator[dict[str, Any]]:
    """The nodes: all in one, or where a model has methods of its own by the method that calls them."""
    has_methods = bool(graph.encoders or graph.methods)
    sections = graph.sections() if has_methods else {"": graph.order()}
    for method, nodes in sections.items():
        rows = [_row(node, graph, sizes, tied) for node in nodes]
        total = sum(row["parameters"] for row in rows)
        yield {"method": method, "parameters": total, "nodes": rows}


def _row(node: Node, graph: Graph, sizes: dict[str, int], tied: set[str]) -> dict[str, Any]:
    first = SIGNATURES[node.kind].outputs[0].name
    own = (
        size for address, size in sizes.items() if address.startswith(f"{node.name}.") and address not in tied
    )
    return {
        "address": node.name,
        "block": node.kind,
        "gives": str(graph.types[Ref(node.name, first)]),
        "parameters": sum(own),
    }
