"""Calls of a compiled method in few shapes: sizes rounded up, what is added cut off again.

A method is compiled for the sizes of its inputs. Rounded up to a bucket, requests of many lengths share one
compilation; masks, zero counts and the fill that the graph states keep the padding out of the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from specs.graph import Graph, Method, Ref
from specs.signatures import SIGNATURES

_LEAST = 32


def bucket(size: int) -> int:
    """The least of 32, 48, 64, 96, 128, 192, ... that is no smaller: at most half is padding."""
    power = max(_LEAST, 1 << (size - 1).bit_length())
    between = power * 3 // 4
    return between if between > _LEAST and size <= between else power


def call_in_buckets(model: Any, graph: Graph, method: Method, given: Mapping[str, Tensor]) -> Any:
    """What a method gives for its inputs by name, each free size but the batch's rounded up on the way."""
    sizes = {
        str(dim): tensor.shape[axis]
        for name, tensor in given.items()
        for axis, dim in enumerate(graph.inputs[name].dims)
        if dim.value is None
    }
    rounded = {name: size if name == "batch" else bucket(size) for name, size in sizes.items()}
    inputs = _padded(graph, _with_masks(graph, method, given), rounded)
    longest = _longest(graph, method, given)
    if longest is None:
        return _cut(graph, method, getattr(model, method.name)(**inputs), sizes)
    size, length = longest
    result = getattr(model, method.name)(**inputs, length=bucket(length))
    return _cut(graph, method, result, sizes | {size: length})


def _with_masks(graph: Graph, method: Method, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inputs, and ones for every mask that was left out and has to tell what is added."""
    masked = {graph.inputs[name].dims: tensor for name, tensor in given.items()}
    ones = {
        name: masked[graph.inputs[name].dims].new_ones((), dtype=torch.int64)
        for name in method.inputs
        if name not in given and graph.inputs[name].role == "mask"
    }
    shapes = {name: masked[graph.inputs[name].dims].shape for name in ones}
    return {**given, **{name: one.expand(shapes[name]) for name, one in ones.items()}}


def _padded(graph: Graph, given: Mapping[str, Tensor], sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Every input filled up to these sizes, behind what is there."""
    padded = {}
    for name, tensor in given.items():
        type_ = graph.inputs[name]
        wanted = [sizes.get(str(dim), there) for dim, there in zip(type_.dims, tensor.shape, strict=True)]
        margins = [m for want, there in zip(wanted, tensor.shape, strict=True) for m in (want - there, 0)]
        padded[name] = F.pad(tensor, margins[::-1], value=type_.fill)
    return padded


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


def _cut(graph: Graph, method: Method, result: Any, sizes: Mapping[str, int]) -> Any:
    """The result without what was added: every output as long as its dimensions say."""
    given = result if isinstance(result, tuple) else (result,)
    cut = []
    for tensor, ref in zip(given, method.outputs.values(), strict=True):
        ends = [dim.evaluate(sizes) if dim.names() <= sizes.keys() else None for dim in graph.types[ref].dims]
        cut.append(tensor[tuple(slice(end) for end in ends)])
    return type(result)(*cut) if isinstance(result, tuple) else cut[0]
