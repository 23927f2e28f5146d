"""`python -m benchmarks.bookkeeping`: what a search takes a step, its decoder taking no time."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from runtime.generation.beam import search_beams
from runtime.generation.chain import Chain, Stage
from runtime.generation.conditions import FiniteCheck
from runtime.generation.decoding import EndTokens, StepDecoder
from runtime.generation.finished import BeamSettings
from runtime.generation.greedy import decode_single, take_best
from runtime.generation.processors import Forbid, NoRepeatNGram, RepetitionPenalty, SequenceBias

VOCABULARY, STEPS, ROUNDS = 10_000, 100, 9
LIMIT = STEPS + 1
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


def chain_of(constrained: bool) -> Chain:
    """Nothing, or processors that read all of the sequences so far and act at nearly every length."""
    if not constrained:
        return Chain((), LIMIT, CPU)
    words = [((3,), -2.0), ((4, 5), -torch.inf), ((6, 7, 8), 1.0)]
    return Chain(
        (
            Stage(SequenceBias(words, VOCABULARY, CPU), range(LIMIT)),
            Stage(RepetitionPenalty(1.1), range(LIMIT)),
            Stage(NoRepeatNGram(3, CPU), range(3, LIMIT)),
            Stage(Forbid((9, 10), CPU), range(LIMIT)),
        ),
        LIMIT,
        CPU,
    )


def step_seconds(batch: int, beams: int, constrained: bool) -> float:
    """Seconds a step of one search of `batch` sentences."""
    rows = batch * beams
    model: Any = InstantModel(rows)
    decoder = StepDecoder(model, model, rows, beams, LIMIT, FiniteCheck(CPU))
    ends, prefix = EndTokens((2,), CPU), torch.zeros((rows, 1), dtype=torch.int64)
    chain = chain_of(constrained)
    begin = time.perf_counter()
    if beams == 1:
        decode_single(decoder, prefix, LIMIT, choose=take_best, chain=chain, ends=ends, pad=1)
    else:
        settings = BeamSettings(beams, 1, LIMIT, 1, 1.0, False)
        search_beams(decoder, prefix, settings, chain=chain, ends=ends)
    return (time.perf_counter() - begin) / STEPS


def main() -> None:
    """Print the least and the median of the rounds."""
    cases = [
        (batch, beams, constrained)
        for constrained in (False, True)
        for batch, beams in ((1, 1), (16, 1), (1, 5), (8, 5))
    ]
    with torch.inference_mode():
        for case in cases:
            step_seconds(*case)
        found = [[step_seconds(*case) for case in cases] for _ in range(ROUNDS)]
    for (batch, beams, constrained), times in zip(cases, zip(*found, strict=True), strict=True):
        ordered = sorted(times)
        least, median = ordered[0] * 1e3, ordered[ROUNDS // 2] * 1e3
        chain = ", constrained" if constrained else ""
        print(f"batch {batch:2}, beams {beams}{chain}: {least:.3f} ms a step, median {median:.3f}")


if __name__ == "__main__":
    main()
