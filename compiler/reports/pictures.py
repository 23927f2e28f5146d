"""One entry for all pictures of a graph. Each is imported when it is asked for."""

from __future__ import annotations

import json

from compiler.reports.facts import facts_of
from compiler.spec import Spec
from specs.graph import Graph

FORMATS = ("text", "mermaid", "svg", "html", "json")


def picture(spec: Spec, graph: Graph, format: str, width: int | None = None) -> str:
    """A checked spec's graph in one of `FORMATS`, ending in a newline; text fits in `width` columns."""
    facts = facts_of(spec, graph)
    if format == "json":
        return json.dumps(facts.to_dict(), indent=2) + "\n"
    if format == "mermaid":
        from compiler.reports.mermaid import graph_mermaid

        return graph_mermaid(facts)
    if format == "svg":
        from compiler.reports.svg import graph_svg

        return graph_svg(facts)
    if format == "html":
        from compiler.reports.page import graph_page

        return graph_page(spec, graph, facts)
    assert format == "text", f"no picture {format!r}"
    from compiler.reports.text import graph_text

    return graph_text(facts, width)
