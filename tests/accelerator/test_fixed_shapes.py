"""Processors and draws recorded at one length serve at every other: their shapes and addresses are fixed."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from runtime.generation import processors, sampling
from runtime.generation.chain import Processor
from runtime.generation.conditions import Drawable
from runtime.generation.sequences import Sequences
from tests.accelerator.pretended import CUDA, Device, PretendedRecorder

ROWS, VOCABULARY, LIMIT = 4, 19, 16
CPU = torch.device("cpu")
BIASES = [([3], 1.5), ([2, 4], -2.0), ([1, 1, 0], 3.0), ([0, 1], -math.inf)]
MADE: dict[str, Callable[[torch.device], Processor]] = {
    "sequence bias": lambda place: processors.SequenceBias(BIASES, VOCABULARY, place),
    "repetition": lambda place: processors.RepetitionPenalty(1.3),
    "unigrams": lambda place: processors.NoRepeatNGram(1, place),
    "trigrams": lambda place: processors.NoRepeatNGram(3, place),
    "forbidden": lambda place: processors.Forbid([1, 9], place),
    "forced": lambda place: processors.Force([7, 3], VOCABULARY, place),
    "invalid": lambda place: processors.RemoveInvalid(),
    "decay": lambda place: processors.ExponentialDecay(4, 1.2, [4, 6], LIMIT, place),
    "renormalised": lambda place: processors.Renormalize(),
    "temperature": lambda place: sampling.Temperature(0.7),
    "top k": lambda place: sampling.TopK(4, 1),
    "top p": lambda place: sampling.TopP(0.6, 2),
    "min p": lambda place: sampling.MinP(0.4, 1),
    "typical": lambda place: sampling.Typical(0.5, 1),
    "epsilon": lambda place: sampling.EpsilonCutoff(0.1, 1),
    "eta": lambda place: sampling.EtaCutoff(0.2, 1),
}


def drawn(seed: int) -> tuple[Tensor, Tensor]:
    """Scores [rows, V] and ids [rows, L] with repeats."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(ROWS, VOCABULARY, generator=generator) * 2
    return scores, torch.randint(0, 3, (ROWS, LIMIT), generator=generator)


@pytest.mark.parametrize("name", MADE)
def test_a_recording_serves_at_every_length(device: Device, name: str) -> None:
    here, there = MADE[name](CPU), MADE[name](CUDA)
    seen, recorded = Sequences(LIMIT, CPU), Sequences(LIMIT, CUDA)
    given = torch.zeros(ROWS, VOCABULARY, device=CUDA)
    table = torch.zeros(ROWS, LIMIT, dtype=torch.int64, device=CUDA)
    recorded.read(table, 5)
    recording = PretendedRecorder().record(lambda: there(given.clone(), _moved(recorded)), lambda: None)
    for length in range(3, LIMIT):
        scores, ids = drawn(length)
        given.copy_(scores)
        table.copy_(ids)
        recorded.length.fill_(length)
        recording.replay()
        seen.read(ids, length)
        assert torch.equal(recording.result.cpu(), here(scores, seen))


def _moved(sequences: Sequences) -> Sequences:
    """The same, having looked again at how far it is written."""
    sequences.mark()
    return sequences


def test_a_recorded_draw_draws_anew(device: Device) -> None:
    scores = torch.zeros(2000, 2, device=CUDA)
    draw = sampling.Draw(0, Drawable(CUDA))
    recording = PretendedRecorder().record(lambda: draw.one(scores), lambda: None)
    rounds = []
    for _ in range(2):
        recording.replay()
        rounds.append(recording.result.cpu())
    assert not torch.equal(*rounds)
    draw.condition.look()
