"""Calls of a compiled method in few shapes.

A method is compiled for the sizes of its inputs. Rounded up to a bucket, requests of many lengths share one
compilation; masks, zero counts and the fill that the graph states keep the padding out of the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from compiler.compilation.padding import bucket, cut, free_sizes, padded, with_masks
from specs.graph import Graph, Method, Ref
from specs.signatures import SIGNATURES


def call_in_buckets(model: Any, graph: Graph, method: Method, given: Mapping[str, Tensor]) -> Any:
    """What a method gives for its inputs by name, each free size but the batch's rounded up on the way."""
    sizes = free_sizes(graph, given)
    rounded = {name: size if name == "batch" else bucket(size) for name, size in sizes.items()}
    inputs = padded(graph, with_masks(graph, method.inputs, given), rounded)
    outputs = method.outputs.values()
    longest = _longest(graph, method, given)
    if longest is None:
        return cut(graph, outputs, getattr(model, method.name)(**inputs), sizes)
    size, length = longest
    result = getattr(model, method.name)(**inputs, length=bucket(length))
    return cut(graph, outputs, result, sizes | {size: length})


def _longest(graph: Graph, method: Method, given: Mapping[str, Tensor]) -> tuple[str, int] | None:
    """The size that a method makes by counts, and how large it is for these; None where it makes none."""
    for name in graph.behind(method.outputs.values()):
        node = graph.nodes[name]
        signature = SIGNATURES[node.kind]
        if signature.takes_length:
            counts = given[node.inputs["counts"].port]
            made = next(iter(signature.outputs)).name
            size = graph.types[Ref(name, made)].dims[1]
            return str(size), max(int(counts.sum(1).amax()), 1)
    return None
