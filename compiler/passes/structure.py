"""Pass 5: the graph's structure against a table of rules, each written once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace
from graphlib import CycleError
from itertools import pairwise
from typing import NamedTuple

from compiler.passes.connections import Connected, connected, existing, role_of
from compiler.passes.written import Written
from specs.graph import Graph, Ref
from specs.problems import Problem
from specs.signatures import SIGNATURES


class Structure(NamedTuple):
    """A graph that can be gone through, and what was wrong with it.

    `is_whole` says that nothing had to be taken out: what depends on every node can be judged.
    """

    graph: Graph
    problems: list[Problem]
    is_whole: bool


def structure(written: Written) -> Structure:
    """References, roles, cycles and reachability; no dimension is looked at.

    A connection or node that cannot be used is taken out, so that the rest can still be checked.
    """
    found = connected(written)
    cyclic, cycles = _cycles(written, found.graph)
    for problem in cycles:
        found.wanting |= {
            port.role for name in cyclic for port in SIGNATURES[found.graph.nodes[name].kind].inputs
        }
        found.problems.append(problem)
    dead = [] if _cannot_tell(written, found) else list(_dead(written, found))
    graph = _without(found.graph, cyclic)
    return Structure(graph, [*found.problems, *dead], found.whole and not cyclic)


def assert_sound(written: Written) -> None:
    """That a family's graph has a sound structure; it is gone through once for every wiring."""
    wiring = _wiring(written)
    if wiring not in _SOUND:
        problems = structure(written).problems
        assert not problems, f"families lower to sound graphs: {problems[0].message}"
        while len(_SOUND) >= WIRINGS:
            del _SOUND[next(iter(_SOUND))]
        _SOUND[wiring] = None


WIRINGS = 1024
"""How many are remembered; the oldest makes room for another."""
_SOUND: dict[Hashable, None] = {}
"""Wirings without problems: specs of one family differ in numbers, and mostly not in these."""


def _wiring(written: Written) -> Hashable:
    """All that the structure of a part is judged by; its numbers are no part of that."""
    graph = written.graph
    return (
        written.role,
        tuple((name, type_.role) for name, type_ in graph.inputs.items()),
        graph.optional_inputs,
        tuple((node.name, node.kind, tuple(node.inputs.items())) for node in graph.nodes.values()),
        tuple(graph.outputs.items()),
        graph.results,
    )


def _without(graph: Graph, names: frozenset[str]) -> Graph:
    if not names:
        return graph
    nodes = {
        node.name: node._replace(inputs={p: r for p, r in node.inputs.items() if r.node not in names})
        for node in graph.nodes.values()
        if node.name not in names
    }
    outputs = {name: ref for name, ref in graph.outputs.items() if ref.node not in names}
    return replace(graph, nodes=nodes, outputs=outputs)


def _cycles(written: Written, graph: Graph) -> tuple[frozenset[str], list[Problem]]:
    """The nodes on cycles, and one problem a cycle."""
    names: frozenset[str] = frozenset()
    problems = []
    while True:
        try:
            _without(graph, names).order()
        except CycleError as error:
            path = [str(name) for name in reversed(error.args[1])]
            names |= frozenset(path)
            problems.append(_cycle(written, graph, path))
        else:
            return names, problems


def _cycle(written: Written, graph: Graph, path: list[str]) -> Problem:
    """`path` ends where it begins, and every node in it waits for the next."""
    at = [
        (f"{written.node(reader)}.inputs.{port}", f"`{reader}` waits for `{read}`")
        for reader, read in pairwise(path)
        for port, ref in graph.nodes[reader].inputs.items()
        if ref.node == read
    ]
    return Problem(
        "XL202",
        "nodes wait for each other: " + " -> ".join(path),
        tuple(at),
        help="connect one of them to something that is computed before",
    )


def _cannot_tell(written: Written, found: Connected) -> bool:
    """Whether something may have been meant to read any node."""
    return found.unclear or written.read is None or not written.graph.outputs


def _dead(written: Written, found: Connected) -> Iterable[Problem]:
    """XL204 for nodes and inputs that reach no output, unless what is wrong elsewhere explains it."""
    graph = written.graph
    assert written.read is not None, "it can be told what is read"
    excused = {ref for ref in existing(graph) if role_of(graph, ref) in found.wanting}
    wanted = {*graph.results, *excused, *found.meant, *written.read}
    reached = graph.behind(wanted)
    wanted |= {ref for name in reached for ref in graph.nodes[name].inputs.values()}
    for name in graph.nodes:
        if name not in reached:
            yield Problem(
                "XL204",
                f"`{name}` reaches no output",
                ((written.node(name), "computed and thrown away"),),
                help="connect it, or remove it",
            )
    read = wanted | {ref for node in graph.nodes.values() for ref in node.inputs.values()}
    for name in graph.inputs:
        if Ref("", name) not in read:
            yield Problem(
                "XL204",
                f"the input `{name}` is read by no node",
                ((written.input(name), "given and thrown away"),),
                help="connect it, or remove it",
            )
