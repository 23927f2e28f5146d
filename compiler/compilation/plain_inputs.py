"""Whether a method takes its inputs for sure: what it looks at before it computes is not compiled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from compiler.compilation.padding import free_sizes
from compiler.emission.input_checks import VALUE_CHECKS, ids_below
from specs.graph import Graph


class PlainInputs:
    """Asks of inputs on a CPU what an emitted method refuses. Where it says no, the method is to say why."""

    def __init__(self, graph: Graph, inputs: Iterable[str], dtype: torch.dtype) -> None:
        """`dtype`: that of numbers."""
        self._graph, self._dtype = graph, dtype
        self._needed = [name for name in inputs if name not in graph.optional_inputs]
        self._limits = {name: ids_below(graph, name) for name in graph.inputs}

    def __call__(self, given: Mapping[str, Any]) -> bool:
        """Whether these are all that is needed: tensors of the right sizes and values, without gradients."""
        if any(name not in given for name in self._needed) or torch.is_autocast_enabled("cpu"):
            return False
        return (
            all(self._is_plain(name, value) for name, value in given.items())
            and self._sizes_agree(given)
            and all(self._has_values(name, value) for name, value in given.items())
        )

    def _is_plain(self, name: str, value: Any) -> bool:
        if (
            not isinstance(value, Tensor)
            or not value.is_cpu
            or value.dim() != len(self._graph.inputs[name].dims)
        ):
            return False
        return not (value.requires_grad and torch.is_grad_enabled())

    def _sizes_agree(self, given: Mapping[str, Tensor]) -> bool:
        sizes = free_sizes(self._graph, given)
        return all(
            size == (sizes[str(dim)] if dim.value is None else dim.value)
            for name, tensor in given.items()
            for dim, size in zip(self._graph.inputs[name].dims, tensor.shape, strict=True)
        )

    def _has_values(self, name: str, tensor: Tensor) -> bool:
        match VALUE_CHECKS.get(self._graph.inputs[name].role):
            case "check_numbers":
                return tensor.dtype == self._dtype
            case "check_mask":
                return not bool(((tensor != 0) & (tensor != 1)).any())
            case "check_ids":
                limit = self._limits[name]
                if tensor.dtype is not torch.int64 or limit is None:
                    return False
                return not bool(((tensor < 0) | (tensor >= limit)).any())
            case _:
                return False
