"""Outputs of the last release that had Speech2Text2, beside the checkpoints they were computed with.

`tests/data/speech2text2/README.md` says how they were made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import crossloom
from specs.families import family
from tests.pairs.cases import joined

DATA = Path(__file__).parent.parent / "data" / "speech2text2"
NAMES = ("base", "projected")


@dataclass(frozen=True)
class Golden:
    """Our model with the checkpoint's tensors, what went in, and what came out."""

    model: Any
    waveform: dict[str, Tensor]
    expected: dict[str, Tensor]


def golden(name: str, folder: Path) -> Golden:
    """The checkpoint of a name, its halves taken apart in `folder`."""
    config = json.loads((DATA / name / "config.json").read_text())
    tensors = load_file(DATA / name / "model.safetensors")
    halves = {"encoder": folder / "encoder", "decoder": folder / "decoder"}
    for role, half in halves.items():
        half.mkdir()
        known = {*family(config[role]["model_type"]).config.model_fields, "model_type"}
        fields = {field: value for field, value in config[role].items() if field in known}
        (half / "config.json").write_text(json.dumps(fields))
        own = {n.removeprefix(f"{role}."): t for n, t in tensors.items() if n.startswith(f"{role}.")}
        save_file(own, half / "model.safetensors")
    model: Any = crossloom.load(joined(halves, processor={"return_attention_mask": True}))  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in ("weight", "bias"):
            if (name_ := f"enc_to_dec_proj.{parameter}") in tensors:
                model.get_parameter(name_).copy_(tensors[name_])
    expected = load_file(DATA / name / "expected.safetensors")
    waveform = {name: expected[name] for name in ("input_values", "attention_mask")}
    return Golden(model, waveform, expected)
