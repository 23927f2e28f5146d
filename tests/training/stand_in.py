"""The smallest model and processor that training accepts: what it may rely on, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from runtime.failures import failure

WORDS = ("low", "middle", "high")
FREQUENCIES = (500.0, 2500.0, 6500.0)
RATE = 16_000
BINS = 8
PAD, START, END = 1, 2, 2


class Encoded(NamedTuple):
    hidden: Tensor
    mask: Tensor | None


class Output(NamedTuple):
    loss: Tensor | None
    logits: Tensor


class Cache:
    """How many tokens were decoded."""

    def __init__(self) -> None:
        self.length = 0

    def reorder(self, parents: Tensor) -> None:
        """All rows are alike."""


class Model(nn.Module):
    """Says one word: a mean over frames, a norm, a dropout, a projection; then the end."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        super().__init__()
        self.dropout = nn.Dropout(0.1)
        self.encoder = nn.Sequential(nn.Linear(BINS, 16), nn.LayerNorm(16), self.dropout)
        self.positions = nn.Embedding(4, 16)
        self.head = nn.Linear(16, 4 + len(WORDS))
        self.vocabulary = 4 + len(WORDS)
        self.length_masks: dict[str, tuple[str, ...]] = {}
        self.spec = SimpleNamespace(
            kind="model",
            config={
                "pad_token_id": PAD,
                "eos_token_id": END,
                "decoder_start_token_id": START,
                "bos_token_id": 0,
            },
            maximum_target=None,
            flows=(),
            generation={"max_new_tokens": 3},
        )
        self.generation_defaults: dict[str, Any] = {}

    def encode(self, input_features: Tensor, attention_mask: Tensor | None = None) -> Encoded:
        weights = torch.ones(input_features.shape[:2]) if attention_mask is None else attention_mask.float()
        mean = (input_features * weights[:, :, None]).sum(1) / weights.sum(1, keepdim=True)
        return Encoded(self.encoder(mean)[:, None], None)

    def new_cache(self, rows: int, length: int, encoded: Encoded | None = None, beams: int = 1) -> Cache:
        return Cache()

    def decode(self, decoder_input_ids: Tensor, encoded: Encoded, cache: Cache | None = None) -> Tensor:
        start = cache.length if cache else 0
        positions = torch.arange(start, start + decoder_input_ids.shape[1]).clamp(max=3)
        if cache:
            cache.length += decoder_input_ids.shape[1]
        logits: Tensor = self.head(encoded.hidden + self.positions(positions))
        return logits

    def forward(
        self, input_features: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None
    ) -> Output:
        assert labels is not None
        logits = self.decode(labels, self.encode(input_features, attention_mask))
        return Output(nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()), logits)


class Processor:
    """Frames of 20 ms, their spectrum in eight bins; a word is an id."""

    kinds = ("audio",)
    padding: ClassVar[Mapping[str, int]] = {}
    sampling_rate = RATE

    def __init__(self) -> None:
        self.recordings = 0

    def __call__(
        self, *, audio: Sequence[Any], sampling_rate: int, text_target: Sequence[str], **_: Any
    ) -> Mapping[str, Tensor]:
        assert sampling_rate == RATE
        self.recordings += len(audio)
        features = [torch.from_numpy(_spectrum(samples)) for samples in audio]
        labels = [torch.tensor(self.encode(text)) for text in text_target]
        pad = nn.utils.rnn.pad_sequence
        return {
            "input_features": pad(features, batch_first=True),
            "attention_mask": pad([torch.ones(len(f), dtype=torch.long) for f in features], batch_first=True),
            "labels": pad(labels, batch_first=True, padding_value=-100),
        }

    def encode(self, text: str) -> list[int]:
        for word in text.split():
            if word not in WORDS:
                raise failure("XL417", f"no token for `{word}`", help="correct the text")
        return [*(WORDS.index(word) + 4 for word in text.split()), END]

    def batch_decode(self, rows: Any, skip_special_tokens: bool = True) -> list[str]:
        return [" ".join(WORDS[index - 4] for index in row if index >= 4) for row in rows.tolist()]

    def save(self, folder: Any) -> None:
        (Path(folder) / "vocab.json").write_text(json.dumps(WORDS))


def _spectrum(samples: Any) -> Any:
    """Log energies [frames, BINS] of non-overlapping 20 ms frames."""
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    energies = np.square(np.abs(np.fft.rfft(frames)))[:, 1:].reshape(len(frames), BINS, -1).sum(-1)
    logarithms = np.log(energies + 1e-3)
    return ((logarithms - logarithms.mean()) / logarithms.std()).astype(np.float32)


def write_recordings(folder: Path, count: int, seed: int = 0) -> Path:
    """A manifest of tones of random length and their names."""
    source = np.random.default_rng(seed)
    lines = []
    for index in range(count):
        word = index % len(WORDS)
        time = np.arange(source.integers(800, 4000)) / RATE
        tone = 0.3 * np.sin(2 * np.pi * FREQUENCIES[word] * time) + 0.01 * source.standard_normal(len(time))
        soundfile.write(folder / f"{index}.wav", tone, RATE)
        lines.append(json.dumps({"audio": f"{index}.wav", "text": WORDS[word]}))
    path = folder / "rows.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path
