"""Packages of models in other dtypes than float32, and of bridged ones, beside eager mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from specs.bridges import BRIDGES
from tests.compilation.models import decoded, model_and_inputs
from tests.parity.cases import difference

NARROW: dict[str, Any] = {
    "bfloat16": torch.bfloat16,
    "encoder-bfloat16": {"encoder": torch.bfloat16},
    "decoder-bfloat16": {"decoder": torch.bfloat16},
    "decoder-int8": {"decoder": torch.int8},
}
ROWS = (2, 10)
"""Few, of which inductor's products are taken, and more."""


@pytest.mark.parametrize(
    "dtype",
    [name if name == "bfloat16" else pytest.param(name, marks=pytest.mark.nightly) for name in NARROW],
)
def test_no_further_from_float32_than_eager_mode(dtype: str, tmp_path: Path) -> None:
    exact, inputs = model_and_inputs("wav2vec2", "gpt2", widths=(32, 32))
    crossloom.export(exact, tmp_path / "model", format="crossloom")
    file = tmp_path / "model" / "spec.yaml"
    eager, packaged = (crossloom.load(file, dtype=NARROW[dtype], compile=mode) for mode in (False, "max"))
    for rows in ROWS:
        beams = rows // 2
        expected = decoded(exact, inputs, beams, exact.decode_step)
        rounded, found = (
            decoded(one, fitting(one, inputs), beams, one.decode_step) for one in (eager, packaged)
        )
        assert found.dtype == rounded.dtype
        assert 0 < difference(found.float(), expected) <= 1.5 * difference(rounded.float(), expected)


def fitting(model: Any, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inputs, those that are fractions in the dtype of the model's encoder."""
    dtype = next(model.encoder.parameters()).dtype
    return {name: one.to(dtype) if one.is_floating_point() else one for name, one in inputs.items()}


@pytest.mark.nightly
@pytest.mark.parametrize("kind", BRIDGES)
def test_bridged_states_are_packaged(kind: str) -> None:
    bridge = {"block": kind}
    packaged, inputs = model_and_inputs("bert", "bart", "max", widths=(8, 16), bridge=bridge)
    eager, _ = model_and_inputs("bert", "bart", widths=(8, 16), bridge=bridge)
    for beams in (1, 5):
        found = decoded(packaged, inputs, beams, packaged.decode_step)
        assert difference(found, decoded(eager, inputs, beams, eager.decode_step)) <= 1e-6
