"""What both sides are given. A worker of either side makes it anew; equal arguments give equal tensors."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

FRAMES = 500
"""Five seconds of speech as features."""
RATE = 16_000

FIRST_ID, IDS = 1000, 9000
"""Ids below the first may have a meaning of their own."""


def features(batch: int, length: int, width: int = 80) -> dict[str, Tensor]:
    """Features [batch, length, width] and their mask; from the second on, sentences are shorter."""
    lengths = length - torch.arange(batch) * (length // (4 * batch))
    return {
        "input_features": torch.randn(batch, length, width, generator=_generator(batch)),
        "attention_mask": (torch.arange(length) < lengths[:, None]).long(),
    }


def waveform(batch: int, length: int) -> dict[str, Tensor]:
    """Samples [batch, length] of noise, and a mask of ones."""
    return {
        "input_values": torch.randn(batch, length, generator=_generator(batch)),
        "attention_mask": torch.ones(batch, length, dtype=torch.int64),
    }


def image(batch: int, length: int) -> dict[str, Tensor]:
    """Pictures [batch, 3, length, length] of noise."""
    return {"pixel_values": torch.randn(batch, 3, length, length, generator=_generator(batch))}


def text(batch: int, length: int) -> dict[str, Tensor]:
    """Ids [batch, length] without a special one, and a mask of ones."""
    ids = torch.randint(FIRST_ID, IDS, (batch, length), generator=_generator(batch))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


KINDS = {"features": features, "waveform": waveform, "image": image, "text": text}


def make(kind: str, batch: int, length: int, **sizes: int) -> dict[str, Tensor]:
    """The encoder's inputs by the names of the Hub."""
    return KINDS[kind](batch, length, **sizes)


def labels(batch: int, length: int) -> Tensor:
    """Ids [batch, length] to be learned."""
    return torch.randint(FIRST_ID, IDS, (batch, length), generator=_generator(batch))


def write_recording(file: Path, seconds: float) -> None:
    """A WAV file of noise, 16 kHz, one channel."""
    import soundfile

    samples = torch.randn(int(seconds * RATE), generator=_generator(0)).mul(0.1).clamp(-1, 1)
    soundfile.write(file, samples.numpy(), RATE, subtype="PCM_16")


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
