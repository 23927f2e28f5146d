"""How much of a cache attention reads, and so how many shapes decoding has."""

from __future__ import annotations

import pytest
import torch

from blocks.cache import Cache


def cache(length: int) -> Cache:
    return Cache(layers=1, rows=2, heads=1, length=length, head_width=3, beams=1, like=torch.zeros(()))


def visible_after(steps: list[int], length: int) -> list[int]:
    """Slots that `write` gives attention to read, after each step of so many tokens."""
    filled, seen = cache(length), []
    for tokens in steps:
        filled.reserve(tokens)
        states = torch.ones(2, 1, tokens, 3)
        positions = filled.positions(tokens)
        keys, values = filled.write(0, filled.slots(positions), states, states)
        assert keys.shape == values.shape
        assert filled.self_mask(positions).shape == (tokens, keys.shape[2])
        filled.advance(tokens)
        seen.append(keys.shape[2])
    return seen


@pytest.mark.parametrize(
    ("steps", "length", "expected"),
    [
        ([1] * 3, 200, [64] * 3),
        ([1] * 130, 200, [64] * 64 + [128] * 64 + [192] * 2),
        ([63, 1, 1], 200, [64, 64, 128]),
        ([65, 1], 200, [128, 128]),
        ([1] * 70, 70, [64] * 64 + [70] * 6),  # as long as was asked, and no longer
        ([5], 5, [5]),
    ],
)
def test_attention_reads_what_is_filled_rounded_up_to_buckets_of_64(
    steps: list[int], length: int, expected: list[int]
) -> None:
    assert visible_after(steps, length) == expected


def test_a_cache_grows_no_longer_than_was_asked() -> None:
    full = cache(5)
    full.reserve(4)
    with pytest.raises(ValueError, match="the cache holds 5 tokens; 4 are filled, 2 more were given"):
        full.reserve(2)
    full.reserve(1)
