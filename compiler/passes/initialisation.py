"""Beside passes 3 and 6: how every parameter of a graph starts, by the rules stated and the default ones."""

from __future__ import annotations

from dataclasses import replace

from compiler.block_source import library
from specs.graph import Graph
from specs.initialisation import DEFAULTS, Initialisation


def initialised(graph: Graph) -> Graph:
    """The graph with its rules that are about something in it, and the defaults of classes they leave out."""
    owners = {node.name: frozenset(library().owners(node.block)) for node in graph.nodes.values()}

    def is_about_something(rule: Initialisation) -> bool:
        return any(
            rule.constructor in classes and (rule.below is None or _overlap(rule.below, name))
            for name, classes in owners.items()
        )

    stated = tuple(rule for rule in graph.initialisations if is_about_something(rule))
    left_out = frozenset().union(*owners.values()) - {r.constructor for r in stated if r.below is None}
    defaults = tuple(rule for rule in DEFAULTS if rule.constructor in left_out)
    assert len(defaults) == len(left_out), f"the rules have one for each of {', '.join(sorted(left_out))}"
    return replace(graph, initialisations=(*stated, *defaults))


def _overlap(first: str, second: str) -> bool:
    """Whether one address is that of the other, or below it."""
    return f"{first}.".startswith(f"{second}.") or f"{second}.".startswith(f"{first}.")
