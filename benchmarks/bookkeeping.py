"""`python -m benchmarks.bookkeeping`: what a search takes a step, its decoder taking no time."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from runtime.generation.beam import BeamSettings, search_beams
from runtime.generation.decoding import EndTokens, FiniteCheck, StepDecoder
from runtime.generation.greedy import decode_single, take_best

VOCABULARY, STEPS, ROUNDS = 10_000, 100, 9
CPU = torch.device("cpu")


class NoCache:
    """Holds nothing."""

    def reorder(self, parents: Tensor) -> None:
        """Nothing stands anywhere."""


class InstantModel:
    """Gives logits that were drawn before, whatever it is asked."""

    def __init__(self, rows: int) -> None:
        generator = torch.Generator().manual_seed(0)
        drawn = torch.randn(8, rows, 1, VOCABULARY, generator=generator)
        drawn[..., 2] = -100.0  # the end token is never chosen
        self._logits = list(drawn)
        self._step = 0

    def new_cache(self, *_: Any, **__: Any) -> NoCache:
        """Nothing to keep."""
        return NoCache()

    def decode(self, *_: Any, **__: Any) -> Tensor:
        """The next of the logits [rows, 1, V]."""
        self._step += 1
        logits: Tensor = self._logits[self._step % len(self._logits)]
        return logits


def step_seconds(batch: int, beams: int) -> float:
    """Seconds a step of one search of `batch` sentences."""
    rows = batch * beams
    model: Any = InstantModel(rows)
    decoder = StepDecoder(model, model, rows, beams, STEPS + 1, FiniteCheck(CPU))
    ends, prefix = EndTokens((2,), CPU), torch.zeros((rows, 1), dtype=torch.int64)
    begin = time.perf_counter()
    if beams == 1:
        decode_single(decoder, prefix, STEPS + 1, choose=take_best, processors=(), ends=ends, pad=1)
    else:
        settings = BeamSettings(beams, 1, STEPS + 1, 1, 1.0, False)
        search_beams(decoder, prefix, settings, processors=(), ends=ends)
    return (time.perf_counter() - begin) / STEPS


def main() -> None:
    """Print the least and the median of the rounds."""
    cases = [(1, 1), (16, 1), (1, 5), (8, 5)]
    with torch.inference_mode():
        for case in cases:
            step_seconds(*case)
        found = [[step_seconds(*case) for case in cases] for _ in range(ROUNDS)]
    for (batch, beams), times in zip(cases, zip(*found, strict=True), strict=True):
        ordered = sorted(times)
        least, median = ordered[0] * 1e3, ordered[ROUNDS // 2] * 1e3
        print(f"batch {batch:2}, beams {beams}: {least:.3f} ms a step, median {median:.3f}")


if __name__ == "__main__":
    main()
