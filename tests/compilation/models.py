"""Tiny models of every kind of decoder, and steps of decoding to compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import crossloom
from compiler.compilation import CompileMode, compiled
from tests.pairs.test_cells import analysed
from tests.pairs.tiny import VOCABULARY, random_inputs, tiny

STEPS = 17


def model_and_inputs(
    encoder: str, decoder: str, compile: CompileMode = False, **more: Any
) -> tuple[Any, dict[str, Tensor]]:
    """A pair in evaluation mode, its weights spread, and inputs of two sentences; `more` is for its spec."""
    spec, graph = analysed(tiny(encoder, decoder, **more)).sound()
    model: Any = crossloom.build(spec)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2)
    return compiled(model.eval(), graph, compile), random_inputs(graph)


def decoded(model: Any, inputs: dict[str, Tensor], beams: int, step: Callable[..., Tensor]) -> Tensor:
    """Logits of random ids, token by token, beams reordered at random in between: [R, STEPS, V]."""
    generator = torch.Generator().manual_seed(beams)
    with torch.no_grad():
        encoded = model.encode(**inputs)
        rows = beams * len(encoded.hidden)
        cache = model.new_cache(rows, STEPS, encoded, beams)
        ids = torch.randint(4, VOCABULARY, (rows, STEPS), generator=generator)
        found = []
        for token in range(STEPS):
            cache.reserve(1)
            found.append(step(ids[:, token : token + 1], encoded, cache).clone())
            parents = torch.randint(beams, (rows,), generator=generator)
            cache.reorder(torch.arange(rows) // beams * beams + parents)
    return torch.cat(found, dim=1)
