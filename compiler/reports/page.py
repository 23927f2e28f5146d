"""A model as one HTML page that needs nothing else: its drawing, its nodes, its weights, its spec."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from compiler.reports.facts import BYTES_PER_PARAMETER, Facts, shortest_inputs
from compiler.reports.svg import graph_svg_element
from compiler.reports.tables import quantity
from compiler.reports.text import described
from compiler.reports.weights import HEADING, folded_rows
from compiler.resolved import resolved_yaml
from compiler.spec import Spec
from compiler.weights.table import table_of
from specs.graph import Graph


def graph_page(spec: Spec, graph: Graph, facts: Facts) -> str:
    """The page. Whatever comes from the spec is escaped."""
    environment = Environment(
        loader=PackageLoader("compiler.reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )
    return environment.get_template("page.html.j2").render(
        facts=facts,
        size=quantity(facts.parameters * BYTES_PER_PARAMETER, "B"),
        shortest=shortest_inputs(facts),
        # The drawing is escaped already, by the XML library that wrote it.
        drawing=Markup(graph_svg_element(facts)),
        sides=[_side(facts, side) for side in facts.sides],
        weights_heading=HEADING,
        weights=[row.cells() for row in folded_rows(table_of(spec, graph))],
        spec=resolved_yaml(spec),
    )


def _side(facts: Facts, side: str) -> dict[str, Any]:
    """A method: its nodes, and what they are together."""
    parameters, operations = facts.total(side)
    return {
        "name": side,
        "parameters": f"{parameters:,}",
        "operations": quantity(operations),
        "nodes": [
            {
                "address": node.address,
                "block": described(node),
                "gives": ", ".join(f"{port} {type_}" for port, type_ in node.outputs.items()),
                "parameters": f"{node.parameters:,}" if node.parameters else "",
                "operations": quantity(facts.counted(node)),
            }
            for node in facts.of(side)
        ],
    }
