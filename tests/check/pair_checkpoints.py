"""Two checkpoints in Hub layout, made by hand without torch, for the halves of a pair."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import crossloom
from tests.checkpoint.files import safetensors

BERT = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 6,
    "max_position_embeddings": 10,
}
GPT2 = {
    "vocab_size": 21,
    "n_positions": 12,
    "n_embd": 12,
    "n_layer": 2,
    "n_head": 2,
    "bos_token_id": 3,
    "eos_token_id": 4,
}


@dataclass
class Stored:
    """The checkpoint of a half before it is written."""

    config: dict[str, Any]
    tensors: dict[str, list[int]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """config.json, and tensors of zeros."""
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(self.config, indent=1))
        held = {name: ("F32", shape, bytes(4 * math.prod(shape))) for name, shape in self.tensors.items()}
        (folder / "model.safetensors").write_bytes(safetensors(held))


@dataclass
class Pair:
    """A spec of two halves, and the checkpoint of each, none of which has cross-attention.

    `lines` are those of the spec; a test changes them, or the checkpoints, and then verifies.
    """

    folder: Path
    lines: list[str]
    encoder: Stored
    decoder: Stored

    def replace(self, old: str, new: str) -> None:
        """Change the one line that holds `old`."""
        (index,) = [index for index, line in enumerate(self.lines) if old in line]
        self.lines[index] = self.lines[index].replace(old, new)

    def verified(self) -> list[crossloom.Diagnostic]:
        """What is wrong, of everything that is written now."""
        for role, stored in (("encoder", self.encoder), ("decoder", self.decoder)):
            stored.write(self.folder / role)
        path = self.folder / "spec.yaml"
        path.write_text("\n".join(self.lines) + "\n")
        findings = crossloom.verify(crossloom.load_spec(path))
        return [finding for finding in findings if finding.severity != "info"]

    def line_of(self, text: str) -> int:
        """The number of the line that holds a text."""
        (number,) = [number for number, line in enumerate(self.lines, 1) if text in line]
        return number


def pair(folder: Path) -> Pair:
    """BERT beside GPT-2, sound: bare published checkpoints, cross-attention fresh."""
    lines = [
        "crossloom: 1",
        "name: pair",
        "encoder:",
        "  family: bert",
        "  weights: ./encoder",
        f"  config: {json.dumps(BERT)}".replace('"', ""),
        "decoder:",
        "  family: gpt2",
        "  weights: ./decoder",
        f"  config: {json.dumps(GPT2)}".replace('"', ""),
        "tokens: {decoder_start: 3, pad: 4}",
        "fresh: ['decoder.layers.*.cross_attention.*', 'decoder.layers.*.cross_attention_norm.*']",
        "ignore: {encoder: [cls.seq_relationship.weight]}",
    ]
    path = folder / "sound.yaml"
    path.write_text("\n".join(lines[:-1]) + "\n")
    tensors: dict[str, dict[str, list[int]]] = {"encoder": {}, "decoder": {}}
    for row in crossloom.weight_table(crossloom.load_spec(path)):
        if row.status == "loaded":
            for name, shape in zip(row.sources, row.operation.stored_shapes(row.shape), strict=True):
                tensors[str(row.component)][name] = list(shape)
    tensors["encoder"]["cls.seq_relationship.weight"] = [2, 8]
    encoder = Stored({"model_type": "bert", **BERT}, tensors["encoder"])
    decoder = Stored({"model_type": "gpt2", **GPT2}, tensors["decoder"])
    return Pair(folder, lines, encoder, decoder)
