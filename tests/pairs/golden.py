"""Outputs of the last release that had Speech2Text2, beside the checkpoints they were computed with.

`tests/data/speech2text2/README.md` says how they were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

import crossloom

DATA = Path(__file__).parent.parent / "data" / "speech2text2"
NAMES = ("base", "projected")


@dataclass(frozen=True)
class Golden:
    """Our model with the checkpoint's tensors, what went in, and what came out."""

    folder: Path
    model: Any
    waveform: dict[str, Tensor]
    expected: dict[str, Tensor]


def golden(name: str) -> Golden:
    """The checkpoint of a name, imported and loaded as it is."""
    expected = load_file(DATA / name / "expected.safetensors")
    return Golden(
        DATA / name,
        crossloom.load(crossloom.import_spec(DATA / name)),
        {given: expected[given] for given in ("input_values", "attention_mask")},
        expected,
    )
