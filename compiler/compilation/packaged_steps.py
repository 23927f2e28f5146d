"""Decode steps as packages, one for so many rows and beams."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from compiler.compilation.kept import KeptPackages
from compiler.compilation.packages import Run, make_package, options_for, program_of
from compiler.compilation.step import FlatStep, tensors_of
from compiler.emission.input_checks import ids_below
from specs.counts import counted
from specs.graph import Graph

IDS = "decoder_input_ids"
UNLIMITED = 4096
"""Positions that are computed ahead for a decoder that takes any number."""
LONG = 129
"""Tokens of a cache that a package is made with; it serves any number."""


class PackagedSteps:
    """Takes the place of a model's `decode_step`.

    A package decodes one token a row; several are decoded one after another. Without a cache, with a mask
    over the target, with a gradient, or of ids that might be refused, the model's own method computes. That
    weights are as they were is seen to where a decoding begins.
    """

    def __init__(self, model: Any, graph: Graph, addresses: tuple[str, ...], kept: KeptPackages) -> None:
        """`addresses`: what the names of the parameters begin with that a step reads."""
        self._model = model
        self._own: Callable[..., Tensor] = model.decode_step
        self._addresses = addresses
        self._limit: int = model.spec.maximum_target or UNLIMITED
        self._ids_below = ids_below(graph, IDS) or 0
        self._kept = kept
        self._packages: dict[tuple[int, int], Run] = {}

    def __call__(
        self,
        decoder_input_ids: Tensor,
        encoded: Any,
        cache: Any = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> Tensor:
        """As the method whose place it takes: ids [R, T] -> logits [R, T, V]."""
        is_plain = decoder_attention_mask is None and self._serves(cache, encoded)
        if not (is_plain and self._takes(decoder_input_ids) and _has_room(cache, decoder_input_ids)):
            return self._own(decoder_input_ids, encoded, cache, decoder_attention_mask)
        rows, tokens = decoder_input_ids.shape
        if cache.filled == tokens:
            self._kept.require_unchanged()
        _lay_out(cache)
        run = self._packages.get((rows, cache.beams)) or self._package(rows, cache.beams, encoded)
        if tokens == 1:
            return run([decoder_input_ids.contiguous(), *tensors_of(encoded, cache)])[0]
        columns = [decoder_input_ids[:, token, None] for token in range(tokens)]
        return torch.cat([run([ids.contiguous(), *tensors_of(encoded, cache)])[0] for ids in columns], dim=1)

    def _serves(self, cache: Any, encoded: Any) -> bool:
        """Whether this is a cache of a source, short enough for packages, and nothing has gradients."""
        if cache is None or cache.cross is None or cache.filled > self._limit:
            return False
        has_gradient = encoded.hidden.requires_grad or cache.cross[0][0].requires_grad
        return not (has_gradient and torch.is_grad_enabled()) and not torch.is_autocast_enabled("cpu")

    def _takes(self, ids: Tensor) -> bool:
        """Whether each id has an embedding: a package would end the process over one that has none."""
        if ids.dtype is not torch.int64 or not ids.numel():
            return False
        least, most = ids.aminmax()
        return int(least) >= 0 and int(most) < self._ids_below

    def _package(self, rows: int, beams: int, encoded: Any) -> Run:
        """The package for so many rows: kept by an earlier process, or made now."""
        options = options_for(rows, self._kept.dtypes(self._addresses))
        facts = {"limit": self._limit, "rows": rows, "beams": beams, "source": str(encoded.hidden.dtype)}

        def make(file: Path) -> None:
            make_package(lambda: (program_of(*self.calls(rows, beams, encoded)), {}), file, options)

        size = f"{counted(rows // beams, 'sentence')} with {counted(beams, 'beam')}"
        what = f"a decode step of {size} for this machine, about a minute, once for so many"
        package = self._kept.open(what, self._addresses, {**facts, "options": options}, make)
        return self._packages.setdefault((rows, beams), package.run)

    def calls(self, rows: int, beams: int, encoded: Any) -> tuple[FlatStep, list[Tensor], list[Tensor]]:
        """A step over tensors, and the inputs of two calls that differ in what a package leaves open."""
        (states, cache), (others, second) = (
            self._call(rows, beams, encoded, *sizes) for sizes in ((LONG, 1, 7), (LONG * 2, 70, 11))
        )
        cache.filled = self._limit  # positions are exported that far
        ids = torch.zeros((rows, 1), dtype=torch.int64)
        function = FlatStep(self._model, self._own, states, cache).eval()
        return function, [ids, *tensors_of(states, cache)], [ids, *tensors_of(others, second)]

    def _call(
        self, rows: int, beams: int, encoded: Any, length: int, filled: int, source: int
    ) -> tuple[Any, Any]:
        """Encoder states and a cache for them, of `filled` tokens."""
        sentences, width = rows // beams, encoded.hidden.shape[2]
        hidden = torch.zeros(sentences, source, width, dtype=encoded.hidden.dtype)
        mask = torch.ones(sentences, source, dtype=torch.int64)
        states = type(encoded)(hidden, mask)
        cache = self._model.new_cache(rows, length, states, beams)
        cache.reserve(filled)
        _lay_out(cache)
        return states, cache


def _has_room(cache: Any, ids: Tensor) -> bool:
    """Whether a cache of as many rows was made ready for these tokens: a package does not look at that."""
    rows, tokens = ids.shape
    is_ready: bool = int(cache.position) + tokens == cache.filled
    return is_ready and rows == len(cache.keys[0]) * cache.beams


def _lay_out(cache: Any) -> None:
    """Bring what the cache holds of the source into the one layout that packages are made for, once."""
    key = cache.cross[0][0]
    if cache.cross_mask is None:
        cache.cross_mask = key.new_zeros(len(key), 1, 1, key.shape[2])
    cache.cross_mask = cache.cross_mask.contiguous()
    if not all(state.is_contiguous() for state in cache.cross[-1]):
        cache.cross = [(key.contiguous(), value.contiguous()) for key, value in cache.cross]
