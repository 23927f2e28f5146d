"""Speech2Text2 where the public implementation no longer has it: the TrOCR class computes the same.

With sinusoidal positions and without a norm on embeddings it is that decoder, under other names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrOCRConfig, TrOCRForCausalLM

_TABLE = "model.decoder.embed_positions.weights"
_HEAD = ("output_projection.", "lm_head.")
_POSITIONS = ("max_position_embeddings", "max_target_positions")
_FIXED = {"use_learned_position_embeddings": False, "layernorm_embedding": False}


class Speech2Text2ForCausalLM(TrOCRForCausalLM):  # type: ignore[misc]
    """The decoder, which computes with the rows of positions that its checkpoint stores."""

    def __init__(self, config: TrOCRConfig) -> None:
        super().__init__(config)
        self.table.add_(0.1 * torch.randn(self.table.shape))

    @property
    def table(self) -> torch.Tensor:
        """Rows of positions; no parameter of the class."""
        table: torch.Tensor = self.model.decoder.embed_positions.weights
        return table

    def save_pretrained(self, folder: Path, *_: Any, **__: Any) -> None:
        """Write it under the names of Speech2Text2."""
        super().save_pretrained(folder)
        tensors = load_file(folder / "model.safetensors")
        named = {name.replace(*_HEAD): tensor for name, tensor in tensors.items()}
        save_file({**named, _TABLE: self.table}, folder / "model.safetensors", metadata={"format": "pt"})
        fields = json.loads((folder / "config.json").read_text())
        fields = {n.replace(*_POSITIONS): value for n, value in fields.items() if n not in _FIXED}
        (folder / "config.json").write_text(json.dumps(fields | {"model_type": "speech_to_text_2"}))

    @classmethod
    def from_pretrained(cls, folder: Path, **_: Any) -> Any:
        """Read it back: the model, and what is wrong with its tensors."""
        fields = json.loads((folder / "config.json").read_text())
        del fields["model_type"]
        here, there = _POSITIONS
        fields = {n.replace(there, here): value for n, value in fields.items()}
        model = cls(TrOCRConfig(**fields, **_FIXED))
        tensors = load_file(folder / "model.safetensors")
        model.table.copy_(tensors.pop(_TABLE))
        here, there = _HEAD
        named = {name.replace(there, here): tensor for name, tensor in tensors.items()}
        found = model.load_state_dict(named, strict=False)
        tied = {"output_projection.weight"} if model.config.tie_word_embeddings else set()
        return model, {"missing": set(found.missing_keys) - tied, "unexpected": found.unexpected_keys}
