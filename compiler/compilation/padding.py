"""Sizes rounded up, so that inputs of many lengths share few shapes: filled behind, and cut off again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from specs.graph import Graph, Ref

_LEAST = 32


def bucket(size: int) -> int:
    """The least of 32, 48, 64, 96, 128, 192, ... that is no smaller: at most half is padding."""
    power = max(_LEAST, 1 << (size - 1).bit_length())
    between = power * 3 // 4
    return between if between > _LEAST and size <= between else power


def free_sizes(graph: Graph, given: Mapping[str, Tensor]) -> dict[str, int]:
    """What the free sizes of these inputs are, by their names."""
    return {
        str(dim): size
        for name, tensor in given.items()
        for dim, size in zip(graph.inputs[name].dims, tensor.shape, strict=True)
        if dim.value is None
    }


def with_masks(graph: Graph, inputs: Iterable[str], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is given, and ones for every mask among `inputs` that was left out."""
    masked = {graph.inputs[name].dims: tensor for name, tensor in given.items()}
    left_out = [name for name in inputs if name not in given and graph.inputs[name].role == "mask"]
    ones = {}
    for name in left_out:
        like = masked[graph.inputs[name].dims]
        ones[name] = like.new_ones((), dtype=torch.int64).expand(like.shape)
    return {**given, **ones}


def padded(graph: Graph, given: Mapping[str, Tensor], sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Every input filled up to these sizes, behind what is there."""
    filled = {}
    for name, tensor in given.items():
        type_ = graph.inputs[name]
        wanted = [sizes.get(str(dim), there) for dim, there in zip(type_.dims, tensor.shape, strict=True)]
        margins = [m for want, there in zip(wanted, tensor.shape, strict=True) for m in (want - there, 0)]
        filled[name] = F.pad(tensor, margins[::-1], value=type_.fill)
    return filled


def cut(graph: Graph, outputs: Iterable[Ref | None], result: Any, sizes: Mapping[str, int]) -> Any:
    """The result without what was added: every output as long as its dimensions say."""
    given = result if isinstance(result, tuple) else (result,)
    left = []
    for tensor, ref in zip(given, outputs, strict=True):
        if tensor is None or ref is None:
            left.append(tensor)
            continue
        dims = graph.types[ref].dims
        ends = [dim.evaluate(sizes) if dim.names() <= sizes.keys() else None for dim in dims]
        left.append(tensor[tuple(slice(end) for end in ends)])
    return type(result)(*left) if isinstance(result, tuple) else left[0]
