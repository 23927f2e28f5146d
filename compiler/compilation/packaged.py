"""`compile="max"` on a CPU: decode steps as packages, each made once and kept on this machine."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from compiler.compilation.freed_memory import keep_freed_memory
from compiler.compilation.frozen import freeze
from compiler.compilation.packages import (
    Run,
    machine,
    make_package,
    open_package,
    options_for,
    require_compiler,
)
from compiler.compilation.step import FlatStep, tensors_of
from compiler.compilation.store import Store
from compiler.compilation.undisturbed import Unchanged
from specs.counts import counted
from specs.graph import Graph

LAYOUT = 2
"""Of what is kept; another number makes older packages strangers."""
UNLIMITED = 4096
"""Positions that are computed ahead for a decoder that takes any number."""
LONG = 129
"""Tokens of a cache that a package is made with; it serves any number."""


def package_steps(model: torch.nn.Module, graph: Graph) -> None:
    """Freeze the model, and let packages decode its single tokens.

    Encoding stays as it is: its products are oneDNN's, near the machine's peak, and an exported product
    would be another.
    """
    freeze(model)
    keep_freed_memory()
    if graph.sections()["decode"]:
        addresses = tuple(f"{node.name}." for node in graph.sections()["decode"])
        limit: int | None = model.__dict__["spec"].maximum_target
        model.__dict__["decode_step"] = PackagedSteps(model, addresses, limit or UNLIMITED)


class PackagedSteps:
    """Takes the place of a model's `decode_step`.

    A package decodes one token a row; several are decoded one after another. Without a cache, or with a mask
    over the target, it is the model's own method that computes.
    """

    def __init__(self, model: Any, addresses: tuple[str, ...], limit: int) -> None:
        self._model = model
        self._own: Callable[..., Tensor] = model.decode_step
        self._addresses = addresses
        self._limit = limit
        self._packages: dict[tuple[int, int], Run] = {}
        self._unchanged = Unchanged(model)
        self._content: str | None = None

    def __call__(
        self,
        decoder_input_ids: Tensor,
        encoded: Any,
        cache: Any = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> Tensor:
        """As the method whose place it takes: ids [R, T] -> logits [R, T, V]."""
        if cache is None or decoder_attention_mask is not None or cache.cross is None:
            return self._own(decoder_input_ids, encoded, cache, decoder_attention_mask)
        if cache.filled > self._limit:
            return self._own(decoder_input_ids, encoded, cache)  # which refuses, or computes more positions
        rows, tokens = decoder_input_ids.shape
        if cache.filled == tokens:
            self._unchanged.require()
        _lay_out(cache)
        run = self._packages.get((rows, cache.beams)) or self._package(rows, cache.beams, encoded)
        if tokens == 1:
            return run([decoder_input_ids.contiguous(), *tensors_of(encoded, cache)])[0]
        columns = [decoder_input_ids[:, token, None] for token in range(tokens)]
        return torch.cat([run([ids.contiguous(), *tensors_of(encoded, cache)])[0] for ids in columns], dim=1)

    def _package(self, rows: int, beams: int, encoded: Any) -> Run:
        """The package for so many rows: kept by an earlier process, or made now."""
        facts = {**self._facts(), "rows": rows, "beams": beams, "source": str(encoded.hidden.dtype)}
        facts["options"] = options_for(rows)
        store = Store()
        file = store.find(facts)
        if file is None:
            require_compiler()
            told = (
                f"a decode step of {counted(rows, 'row')} for this machine, about a minute, once for so many"
            )
            print(f"compiling {told}", file=sys.stderr, flush=True)
            started = time.perf_counter()
            file = store.keep(facts, lambda path: self._make(rows, beams, encoded, path))
            size = file.stat().st_size / 1e6
            took = time.perf_counter() - started
            print(f"compiled in {took:.0f} s, {size:.0f} MB kept in {file}", file=sys.stderr, flush=True)
        return self._packages.setdefault((rows, beams), open_package(file))

    def _make(self, rows: int, beams: int, encoded: Any, file: Path) -> None:
        with torch.inference_mode(False), torch.no_grad():
            make_package(*self.calls(rows, beams, encoded), file, options_for(rows))

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

    def _facts(self) -> dict[str, Any]:
        if self._content is None:
            self._content = _digest(self._model, self._addresses)
        return {"layout": LAYOUT, "model": self._content, "limit": self._limit, **machine()}


def _lay_out(cache: Any) -> None:
    """Bring what the cache holds of the source into the one layout that packages are made for, once."""
    key = cache.cross[0][0]
    if cache.cross_mask is None:
        cache.cross_mask = key.new_zeros(len(key), 1, 1, key.shape[2])
    if not all(state.is_contiguous() for state in cache.cross[-1]):
        cache.cross = [(key.contiguous(), value.contiguous()) for key, value in cache.cross]


def _digest(model: Any, addresses: tuple[str, ...]) -> str:
    """Of the model's source, and of the tensors that its decode step reads."""
    digest = hashlib.sha256(sys.modules[type(model).__module__].__dict__["__source__"].encode())
    for name, tensor in _state(model, addresses):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _state(model: Any, addresses: tuple[str, ...]) -> Iterator[tuple[str, Tensor]]:
    for named in (model.named_parameters(), model.named_buffers()):
        for name, tensor in named:
            if name.startswith(addresses):
                yield name, tensor.detach()
