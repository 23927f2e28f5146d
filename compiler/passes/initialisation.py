"""Beside passes 3 and 6: how every parameter of a graph starts, by the rules stated and the default ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from compiler.block_source import library
from specs.graph import Graph
from specs.initialisation import DEFAULTS, Initialisation


def initialised(graph: Graph) -> Graph:
    """The graph with its rules that are about something in it, and the defaults of classes they leave out."""
    blocks = library()
    owners = {node.name: blocks.owners(node.block.classes()) for node in graph.nodes.values()}

    def is_about_something(rule: Initialisation) -> bool:
        return any(
            rule.constructor in classes and (rule.below is None or _overlap(rule.below, name))
            for name, classes in owners.items()
        )

    stated = tuple(rule for rule in _reached(graph.initialisations) if is_about_something(rule))
    left_out = frozenset().union(*owners.values()) - {r.constructor for r in stated if r.below is None}
    defaults = tuple(rule for rule in DEFAULTS if rule.constructor in left_out)
    assert len(defaults) == len(left_out), f"the rules have one for each of {', '.join(sorted(left_out))}"
    return replace(graph, initialisations=(*stated, *defaults))


def _reached(rules: Iterable[Initialisation]) -> Iterator[Initialisation]:
    """The rules before which no other holds for the same class everywhere: the first one that fits is taken.

    Parts of a model each have rules of their own, and those of two may say the same.
    """
    everywhere: dict[str, Initialisation] = {}
    for rule in rules:
        first = everywhere.get(rule.constructor)
        if first is None:
            yield rule
        else:
            assert rule.parameters == first.parameters, f"no rule after that of {rule.constructor} is reached"
        if rule.below is None:
            everywhere.setdefault(rule.constructor, rule)


def _overlap(first: str, second: str) -> bool:
    """Whether one address is that of the other, or below it."""
    return f"{first}.".startswith(f"{second}.") or f"{second}.".startswith(f"{first}.")
