"""Pass 7: address and shape of every parameter, and ties between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from compiler.block_source import library
from specs.graph import Graph
from specs.problems import Problem


def idle_patterns(patterns: Iterable[str], graph: Graph) -> Iterator[Problem]:
    """XL518 for every `fresh:` pattern that names no parameter."""
    shapes = graph.parameters()
    for index, pattern in enumerate(patterns):
        if not any(fnmatchcase(address, pattern) for address in shapes):
            close = get_close_matches(pattern, shapes, n=1, cutoff=0.5)
            yield Problem(
                "XL518",
                f"`fresh:` names `{pattern}`, which is no parameter of this model",
                ((f"fresh.{index}", "matches nothing"),),
                info=("`*` stands for any part of an address",),
                help=f"did you mean `{close[0]}`?" if close else None,
            )


def parameters(graph: Graph) -> tuple[Graph, list[Problem]]:
    """The graph with its parameter shapes; tied parameters of unequal shape are XL306."""
    blocks = library()
    shapes: dict[str, tuple[int, ...]] = {}
    for node in graph.order():
        for address, shape in blocks.shapes(node.block):
            shapes[f"{node.name}.{address}"] = shape
    problems = []
    for tie in graph.ties:
        at = ((tie.origin or "", "tied here"),)
        missing = [address for address in (tie.kept, tie.tied) if address not in shapes]
        if missing:
            problems.append(
                Problem(
                    "XL203", f"`{missing[0]}` is not a parameter", at, help="name a parameter's full address"
                )
            )
        elif shapes[tie.kept] != shapes[tie.tied]:
            problems.append(
                Problem(
                    "XL306",
                    f"tied parameters differ in shape: {tie.kept} {list(shapes[tie.kept])}, "
                    f"{tie.tied} {list(shapes[tie.tied])}",
                    at,
                    info=("tied parameters are one tensor",),
                    help="make the shapes equal, or untie them",
                )
            )
    return replace(graph, shapes=shapes), problems
