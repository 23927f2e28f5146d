"""Methods without state as recordings: an encoder or another part, one for every shape of its inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from compiler.compilation.padding import bucket, cut, free_sizes, padded, with_masks
from compiler.compilation.recordings import Key, Recordings, unchanged
from compiler.compilation.undisturbed import Weights
from specs.graph import Graph, Ref
from specs.signatures import SIGNATURES

SHAPES = 64
"""How many shapes that came once are remembered."""


class StaticMethod:
    """Stands in place of a method of the model.

    Its inputs are filled up to a bucket where no padding is seen by what is real and masks tell what that is.
    Other inputs are recorded for when their shapes come a second time: those of speech seldom do.
    """

    def __init__(
        self,
        method: Callable[..., Any],
        graph: Graph,
        inputs: Iterable[str],
        outputs: Iterable[Ref | None],
        recordings: Recordings,
        weights: Weights,
        longest: int | None = None,
    ) -> None:
        self._method, self._graph = method, graph
        self._outputs = tuple(outputs)
        self.__signature__ = inspect.signature(method)
        self._recordings, self._weights = recordings, weights
        self._longest = longest
        self._inputs = tuple(inputs)
        self._masks = {name for name in self._inputs if graph.inputs[name].role == "mask"}
        nodes = graph.behind(ref for ref in self._outputs if ref is not None)
        signatures = [SIGNATURES[graph.nodes[name].kind] for name in nodes]
        self._can_pad = not any(one.leaks_padding for one in signatures) and _are_masked(graph, self._inputs)
        self._makes_length = any(one.takes_length for one in signatures)
        self._static: dict[Key, dict[str, Tensor]] = {}
        self._seen: dict[Key, None] = {}
        weights.when_moved.append(self._static.clear)

    def __call__(self, *args: Any, **named: Any) -> Any:
        """As the method, in memory of its own."""
        with torch.inference_mode(False), torch.no_grad():
            bound = self.__signature__.bind(*args, **named).arguments
            given = {name: value for name, value in bound.items() if isinstance(value, Tensor)}
            numbers = {name: value for name, value in bound.items() if isinstance(value, int)}
            sizes = self._sizes(given)
            if sizes is None or (self._makes_length and not numbers):
                return self._method(*args, **named)
            with self._recordings.lock:
                self._weights.look()
                if self._can_pad and (rounded := self._rounded(sizes)) is not None:
                    filled = padded(self._graph, with_masks(self._graph, self._inputs, given), rounded)
                    result = self._replayed(filled, numbers)
                    return self._like(cut(self._graph, self._outputs, result, sizes), given)
                if self._is_new(given, numbers):
                    return self._method(*args, **named)
                return _copied(self._replayed(given, numbers))

    def _sizes(self, given: Mapping[str, Tensor]) -> dict[str, int] | None:
        """The free sizes; None where the method will refuse these inputs, and is to say so itself."""
        graph = self._graph
        if not given or any(len(graph.inputs[name].dims) != one.dim() for name, one in given.items()):
            return None
        sizes = free_sizes(graph, given)
        if any(free_sizes(graph, {name: one}).items() - sizes.items() for name, one in given.items()):
            return None
        if any(size < graph.minimums.get(name, 1) for name, size in sizes.items()):
            return None
        return sizes

    def _rounded(self, sizes: Mapping[str, int]) -> dict[str, int] | None:
        """The sizes to fill up to; None where they are more than the positions."""
        rounded = {name: size if name == "batch" else bucket(size) for name, size in sizes.items()}
        if self._longest is not None:
            least = {name: min(size, self._longest) for name, size in rounded.items() if name != "batch"}
            rounded |= least
        return rounded if all(rounded[name] >= size for name, size in sizes.items()) else None

    def _replayed(self, given: Mapping[str, Tensor], numbers: Mapping[str, int]) -> Any:
        """What the method leaves of these inputs in its recording."""
        key = self._key(given, numbers)
        if key not in self._recordings:
            # Kept by the recording alone, so that they go with it.
            static = {name: tensor.clone() for name, tensor in given.items()}
            self._static = {one: its for one, its in self._static.items() if one in self._recordings}
            self._static[key] = static
        static = self._static[key]
        for name, tensor in given.items():
            static[name].copy_(tensor)
        return self._recordings.replay(key, lambda: self._method(**static, **numbers), unchanged)

    def _key(self, given: Mapping[str, Tensor], numbers: Mapping[str, int]) -> Key:
        shapes = ((name, tensor.dtype, tuple(tensor.shape)) for name, tensor in sorted(given.items()))
        return (self, *shapes, *sorted(numbers.items()))

    def _is_new(self, given: Mapping[str, Tensor], numbers: Mapping[str, int]) -> bool:
        """Whether inputs of these shapes come for the first time, as far as is remembered."""
        key = self._key(given, numbers)
        if key in self._seen or key in self._recordings:
            return False
        self._seen[key] = None
        if len(self._seen) > SHAPES:
            del self._seen[next(iter(self._seen))]
        return True

    def _like(self, result: Any, given: Mapping[str, Tensor]) -> Any:
        """Copies of the result; of masks none, where none was given."""
        result = _copied(result)
        if self._masks & given.keys() or not isinstance(result, tuple):
            return result
        types = self._graph.types
        kept: list[Any] = [
            None if ref is not None and types[ref].role == "mask" else one
            for one, ref in zip(result, self._outputs, strict=True)
        ]
        return type(result)(*kept)


def _are_masked(graph: Graph, inputs: Iterable[str]) -> bool:
    """Whether a mask goes with every input of which more than the batch is free."""
    types = [graph.inputs[name] for name in inputs]
    masked = {type_.dims for type_ in types if type_.role == "mask"}
    free = [type_ for type_ in types if any(dim.value is None and str(dim) != "batch" for dim in type_.dims)]
    return all(type_.dims in masked for type_ in free)


def _copied(result: Any) -> Any:
    """The same in memory of its own."""
    if isinstance(result, tuple):
        copies: list[Any] = [one if one is None else one.clone() for one in result]
        return type(result)(*copies)
    return result.clone()
