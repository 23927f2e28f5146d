"""A decode step of any decoder is a function of tensors alone, which can be exported."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from compiler.compilation.step import FlatStep, tensors_of
from tests.compilation.models import STEPS, decoded, model_and_inputs
from tests.pairs.tiny import DECODERS
from tests.parity.cases import difference


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("decoder", DECODERS)
def test_it_computes_what_the_step_does(decoder: str, beams: int) -> None:
    model, inputs = model_and_inputs("wav2vec2", decoder)
    steps: dict[int, FlatStep] = {}

    def flat(ids: Tensor, encoded: Any, cache: Any) -> Tensor:
        cache.filled, filled = STEPS, cache.filled
        step = steps.setdefault(0, FlatStep(model, model.decode_step, encoded, cache))
        cache.filled = filled
        logits: Tensor = step(ids, *tensors_of(encoded, cache))
        return logits

    assert torch.equal(decoded(model, inputs, beams, flat), decoded(model, inputs, beams, model.decode_step))


@pytest.mark.parametrize("decoder", DECODERS)
def test_it_can_be_exported(decoder: str) -> None:
    """Without a guard on a size that is left open, and with its writes to the cache."""
    model, inputs = model_and_inputs("bert", decoder)
    program = exported(model, inputs, beams=2)
    found = decoded(model, inputs, 2, lambda *step: program(step[0], *tensors_of(*step[1:])))
    assert difference(found, decoded(model, inputs, 2, model.decode_step)) <= 1e-6


def exported(model: Any, inputs: dict[str, Tensor], beams: int) -> Any:
    """The program of a step, cache lengths and source lengths left open."""
    from compiler.compilation.kept import KeptPackages
    from compiler.compilation.packaged_steps import PackagedSteps
    from compiler.compilation.packages import program_of

    with torch.no_grad():
        encoded = model.encode(**inputs)
        rows = beams * len(encoded.hidden)
        steps = PackagedSteps(model, crossloom.lower(model.spec), (), KeptPackages(model))
        function, first, second = steps.calls(rows, beams, encoded)
        return program_of(function, first, second).module()
