"""Checkpoints in Hub layout made by hand, without torch, each to be spoilt in one way."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossloom
from tests.checkpoint.files import Tensors, archive, assemble, entries, pickled, safetensors

MARKED = """\
crossloom: 1
name: spoilt
model:
  family: ⟦family⟧
  weights: ⟦weights⟧
  config:
    vocab_size: ⟦vocab_size⟧
    d_model: ⟦d_model⟧
    encoder_layers: 1
    decoder_layers: 1
    encoder_attention_heads: ⟦encoder_attention_heads⟧
    decoder_attention_heads: 2
    encoder_ffn_dim: 12
    decoder_ffn_dim: 10
    conv_channels: 6
    input_feat_per_channel: 5
    activation_function: ⟦activation_function⟧
    scale_embedding: ⟦scale_embedding⟧
    decoder_start_token_id: ⟦decoder_start_token_id⟧
    tie_word_embeddings: ⟦tie_word_embeddings⟧
processor: {num_mel_bins: ⟦num_mel_bins⟧, feature_size: 5}
"""
VALUES = {
    "family": "speech_to_text",
    "weights": "./checkpoint",
    "vocab_size": 20,
    "d_model": 8,
    "encoder_attention_heads": 2,
    "activation_function": "gelu",
    "scale_embedding": False,
    "decoder_start_token_id": 2,
    "tie_word_embeddings": True,
    "num_mel_bins": 5,
}
FC1 = "model.encoder.layers.0.fc1.weight"


def spec_text(**values: Any) -> str:
    text = MARKED
    for name, value in {**VALUES, **values}.items():
        text = text.replace(f"⟦{name}⟧", json.dumps(value) if not isinstance(value, str) else value)
    return text


def place(token: str) -> tuple[int, int]:
    """Line and column at which the spec has the value of a field."""
    text = MARKED
    for name, value in VALUES.items():
        if name != token:
            text = text.replace(f"⟦{name}⟧", json.dumps(value) if not isinstance(value, str) else value)
    before = text.partition("⟦")[0]
    return before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1


@dataclass
class Parts:
    """A checkpoint before it is written."""

    tensors: dict[str, tuple[str, list[int], bytes]]
    config: dict[str, Any]
    vocabulary: dict[str, int]
    processor: dict[str, Any]

    def files(self) -> dict[str, bytes]:
        """The sound folder."""
        return {
            "config.json": json.dumps(self.config, indent=1).encode(),
            "preprocessor_config.json": json.dumps(self.processor).encode(),
            "vocab.json": json.dumps(self.vocabulary).encode(),
            "model.safetensors": safetensors(self.tensors),
        }


def sound(folder: Path) -> Parts:
    """A checkpoint that fits the spec, which is written beside it."""
    path = folder / "spec.yaml"
    path.write_text(spec_text(), encoding="utf-8")
    spec = crossloom.load_spec(path)
    tensors: dict[str, tuple[str, list[int], bytes]] = {}
    for row in crossloom.weight_table(spec):
        if row.status == "loaded":
            for name, shape in zip(row.sources, row.operation.stored_shapes(row.shape), strict=True):
                tensors[name] = ("F32", list(shape), bytes(4 * math.prod(shape)))
    config = {"model_type": "speech_to_text", "is_encoder_decoder": True, **spec.config}
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = special + [f"▁{index}" for index in range(len(special), spec.config["vocab_size"])]
    processor = {
        "feature_size": 5,
        "num_mel_bins": 5,
        "feature_extractor_type": "Speech2TextFeatureExtractor",
    }
    return Parts(tensors, config, {piece: index for index, piece in enumerate(pieces)}, processor)


def write(folder: Path, files: dict[str, bytes]) -> None:
    target = folder / "checkpoint"
    target.mkdir()
    for name, content in files.items():
        (target / name).write_bytes(content)


Spoil = Callable[[Parts], dict[str, bytes]]


def with_tensors(change: Callable[[dict[str, Any]], Any]) -> Spoil:
    """The folder with its tensors changed before they are stored."""

    def spoil(parts: Parts) -> dict[str, bytes]:
        change(parts.tensors)
        return parts.files()

    return spoil


def with_config(**fields: Any) -> Spoil:
    """The folder with other fields in config.json; None leaves one out."""

    def spoil(parts: Parts) -> dict[str, bytes]:
        parts.config |= fields
        for name, value in fields.items():
            if value is None:
                del parts.config[name]
        return parts.files()

    return spoil


def with_header(change: Callable[[dict[str, Any]], Any]) -> Spoil:
    """The folder with the header of its safetensors file changed, and the data as it was."""

    def spoil(parts: Parts) -> dict[str, bytes]:
        header = entries(parts.tensors)
        change(header)
        data = b"".join(content for _, _, content in parts.tensors.values())
        return {**parts.files(), "model.safetensors": assemble(header, data)}

    return spoil


def with_vocabulary(change: Callable[[dict[str, int]], Any]) -> Spoil:
    def spoil(parts: Parts) -> dict[str, bytes]:
        change(parts.vocabulary)
        return parts.files()

    return spoil


def with_index(change: Callable[[dict[str, str]], Any]) -> Spoil:
    """The folder in two shards, with their index changed."""

    def spoil(parts: Parts) -> dict[str, bytes]:
        halves: list[Tensors] = [
            {
                name: tensor
                for name, tensor in parts.tensors.items()
                if name.startswith("model.encoder") is first
            }
            for first in (True, False)
        ]
        names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
        listed = {name: shard for shard, half in zip(names, halves, strict=True) for name in half}
        change(listed)
        files = parts.files()
        del files["model.safetensors"]
        index = {"metadata": {}, "weight_map": listed}
        shards = {name: safetensors(half) for name, half in zip(names, halves, strict=True)}
        return {**files, **shards, "model.safetensors.index.json": json.dumps(index).encode()}

    return spoil


def with_pickle(value: Any) -> Spoil:
    """The folder with a `.bin` in place of its safetensors file."""

    def spoil(parts: Parts) -> dict[str, bytes]:
        files = parts.files()
        del files["model.safetensors"]
        return {**files, "pytorch_model.bin": archive(pickled(value), {})}

    return spoil


def truncated(parts: Parts) -> dict[str, bytes]:
    """The folder with the last bytes of its weights missing, as after a cut download."""
    files = parts.files()
    return {**files, "model.safetensors": files["model.safetensors"][:-64]}
