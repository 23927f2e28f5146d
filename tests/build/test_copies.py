"""Copies of a live model are models of their own."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch

import crossloom

SPEC = """\
crossloom: 1
name: copied
model:
  family: speech_to_text
  config: {d_model: 16, vocab_size: 9, encoder_layers: 1, decoder_layers: 1, conv_channels: 8}
"""


@pytest.mark.parametrize("compile", [False, "fast"])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_runs_its_own_weights(compile: bool, duplicate: object, tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(SPEC)
    model = crossloom.build(file, compile=compile).eval()  # type: ignore[arg-type]
    other = duplicate(model)  # type: ignore[operator]
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
        assert not other.encode(torch.ones(1, 20, 80)).hidden.any()
    assert all(
        parameter.any() for name, parameter in model.named_parameters() if name.endswith("proj.weight")
    )
