"""`python -m benchmarks.beam_state`: lineage in one cache beside keys and values moved with their beams.

Six layers of four heads of 64 numbers, without the products around them: storing, masking, attending and
reordering, step by step. Beams mostly continue the better half, as in a search.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from blocks.attention import attend, merge_heads, side_by_side, split_heads
from blocks.cache import Cache
from blocks.masks import additive

LAYERS, HEADS, WIDTH, ROUNDS = 6, 4, 64, 7


class MovedCache(Cache):
    """Every row has keys and values of its own, copied from its parent's when beams are reordered."""

    def __init__(self, batch: int, beams: int, length: int) -> None:
        super().__init__(LAYERS, batch * beams, HEADS, length, WIDTH, 1, torch.zeros(()))

    def reorder(self, parents: Tensor) -> None:
        """Row r continues row parents[r]; parents is int64 [R]."""
        for states in (*self.keys, *self.values):
            states[:, :, : self.filled] = states[:, :, : self.filled].index_select(0, parents)


def step(cache: Cache, states: Tensor) -> Tensor:
    """What the self-attention of all layers does with states [R, 1, D]."""
    cache.reserve(1)
    positions = cache.positions(1)
    slots = cache.slots(positions)
    mask = additive(cache.self_mask(positions), states.dtype)
    for layer in range(LAYERS):
        split = split_heads(states, HEADS)
        key, value = cache.write(layer, slots, split, split)
        query = split_heads(side_by_side(states, cache.beams), HEADS)
        states = merge_heads(attend(query, key, value, mask, 0.0)).view_as(states)
    cache.advance(1)
    return states


def run(cache: Cache, states: Tensor, parents: list[Tensor]) -> tuple[float, Tensor]:
    """Seconds a step, and what the last one gave."""
    given = states
    begin = time.perf_counter()
    for index, chosen in enumerate(parents):
        given = step(cache, states + index / len(parents))
        cache.reorder(chosen)
    return (time.perf_counter() - begin) / len(parents), given


def compared(batch: int, beams: int, length: int) -> tuple[float, float, float]:
    """Median milliseconds a step of both, interleaved, and the median of their ratios."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(batch * beams, 1, HEADS * WIDTH, generator=generator)
    weights = torch.arange(beams, 0, -1.0).square().expand(batch, -1)
    first = torch.arange(0, batch * beams, beams)[:, None]
    parents = [
        (first + torch.multinomial(weights, beams, True, generator=generator)).flatten()
        for _ in range(length)
    ]
    makers: tuple[Callable[[], Cache], ...] = (
        lambda: Cache(LAYERS, batch * beams, HEADS, length, WIDTH, beams, torch.zeros(())),
        lambda: MovedCache(batch, beams, length),
    )
    rounds = []
    for _ in range(min(ROUNDS, 3 if length * batch * beams > 3000 else ROUNDS)):
        (ours, one), (moved, other) = (run(make(), states, parents) for make in makers)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
        rounds.append((ours * 1e3, moved * 1e3))
    return (
        median(ours for ours, _ in rounds),
        median(moved for _, moved in rounds),
        median(moved / ours for ours, moved in rounds),
    )


def main() -> None:
    """Print a table of Markdown."""
    print(
        "| beams | batch | length | lineage | moved | moved over lineage |\n|---:|---:|---:|---:|---:|---:|"
    )
    with torch.inference_mode():
        compared(1, 2, 32)
        for batch in (1, 8):
            for beams in (2, 5, 10):
                for length in (32, 100, 400):
                    ours, moved, ratio = compared(batch, beams, length)
                    print(
                        f"| {beams} | {batch} | {length} | {ours:.3f} ms | {moved:.3f} ms | {ratio:.2f}x |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
