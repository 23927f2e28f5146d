"""Every beam sees the tokens its hypothesis descends from, each once, and no others: beside lists in Python.

A token is known by a number of its own, which its key holds and, negative, its value.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from blocks.cache import BUCKET, Cache

HEADS = 2


class Followed:
    """A cache of two layers, and beside it the tokens that every row descends from, as lists."""

    def __init__(self, batch: int, beams: int, length: int) -> None:
        self.rows, self.beams = batch * beams, beams
        self.cache = Cache(2, self.rows, HEADS, length, head_width=1, beams=beams, like=torch.zeros(()))
        self.hypotheses: list[list[int]] = [[] for _ in range(self.rows)]
        self.tokens = 0

    def step(self, tokens: int = 1, keep: torch.Tensor | None = None) -> None:
        """Write `tokens` new ones a row, and hold what each of them may see against the lists."""
        cache, before = self.cache, len(self.hypotheses[0])
        new = self.tokens + torch.arange(self.rows * tokens).view(self.rows, tokens)
        self.tokens += self.rows * tokens
        for row, numbers in enumerate(new.tolist()):
            self.hypotheses[row] += numbers
        cache.reserve(tokens)
        positions = cache.positions(tokens)
        assert positions.tolist() == list(range(before, before + tokens))
        slots = cache.slots(positions)
        mask = cache.self_mask(positions, keep)
        seen = mask.expand(self.rows // self.beams, 1, self.beams * tokens, -1).reshape(self.rows, tokens, -1)
        for layer in (0, 1):
            states = new[:, None, :, None].expand(-1, HEADS, -1, -1).float() + layer / 2
            keys, values = cache.write(layer, slots, states, -states)
            assert torch.equal(keys, -values)
            self._compare(seen, keys.repeat_interleave(self.beams, 0)[..., 0] - layer / 2, before, keep)
        cache.advance(tokens)

    def _compare(
        self, seen: torch.Tensor, keys: torch.Tensor, before: int, keep: torch.Tensor | None
    ) -> None:
        for row, hypothesis in enumerate(self.hypotheses):
            kept = [True] * len(hypothesis) if keep is None else keep[row].bool().tolist()
            for token in range(seen.shape[1]):
                expected = [n for n, k in zip(hypothesis[: before + token + 1], kept, strict=False) if k]
                for head in range(HEADS):
                    assert sorted(keys[row, head][seen[row, token]].tolist()) == expected

    def reorder(self, parents: list[int]) -> None:
        """Continue the hypotheses of these beams, of each sentence its own [rows]."""
        first = torch.arange(0, self.rows, self.beams).repeat_interleave(self.beams)
        chosen = first + torch.tensor(parents)
        self.cache.reorder(chosen)
        self.hypotheses = [list(self.hypotheses[row]) for row in chosen.tolist()]


def parents_of(data: Any, batch: int, beams: int) -> list[int]:
    """Of every sentence: its beams as they are, exchanged, drawn at random, or all of one."""
    beam = st.integers(0, beams - 1)
    kinds = (
        st.just(list(range(beams))),
        st.permutations(range(beams)),
        st.lists(beam, min_size=beams, max_size=beams),
        beam.map(lambda one: [one] * beams),
    )
    return [parent for _ in range(batch) for parent in data.draw(st.one_of(*kinds))]


@settings(max_examples=60, phases=(Phase.generate,))
@given(st.data(), st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_any_tree_of_hypotheses(data: Any, batch: int, beams: int, masked: bool) -> None:
    """Prompts, single tokens and several at once, whatever continues what, with tokens hidden or not."""
    followed = Followed(batch, beams, 70)
    while (filled := len(followed.hypotheses[0])) < 70:
        tokens = min(70 - filled, data.draw(st.sampled_from([1, 1, 2, 9, 30])))
        keep = None
        if masked:
            seed = data.draw(st.integers(0, 99))
            keep = torch.rand(batch * beams, filled + tokens, generator=torch.Generator().manual_seed(seed))
            keep = (keep < 0.5).long()
        followed.step(tokens, keep)
        followed.reorder(parents_of(data, batch, beams))


@pytest.mark.parametrize("seed", range(8))
def test_slots_are_given_up_many_times(seed: int) -> None:
    """Three sentences whose beams come down to one at different times."""
    draw = random.Random(seed)
    beams, periods = draw.randint(2, 5), [draw.randint(1, 40) for _ in range(3)]
    followed = Followed(3, beams, 120)
    prompt = draw.randint(1, 20)
    followed.step(prompt)
    given_up = 0
    for step in range(prompt, 120):
        used, parents = followed.cache.used, []
        for period in periods:
            parents += [step % beams] * beams if step % period == 0 else draw.sample(range(beams), beams)
        followed.reorder(parents)
        given_up += followed.cache.used < used
        followed.step()
    assert given_up


def slots_read(beams: int, length: int, parents: list[int]) -> list[int]:
    """How many slots attention reads at each step, when each is followed by the same reordering."""
    followed, read = Followed(1, beams, length), []
    for _ in range(length):
        followed.step()
        read.append(followed.cache.visible)
        followed.reorder(parents)
    return read


def test_slots_that_none_descends_from_are_given_up() -> None:
    """Four beams of one parent: as many slots live as there are tokens, and a quarter has to come free.

    After 16, 28, 37, 43 and 48 steps all but those are given up, which leaves just a quarter at last; after
    52 no longer. Of 128 slots as many are given up after 68, 83 and 94, and not after 102.
    """
    assert slots_read(4, 120, [2] * 4) == [BUCKET] * 52 + [2 * BUCKET] * 50 + [3 * BUCKET] * 18


def test_nothing_is_moved_for_little() -> None:
    """Where every beam lives on there is nothing to give up, and a bucket is filled before the next."""
    assert slots_read(4, 40, [1, 0, 3, 2]) == [BUCKET] * 16 + [2 * BUCKET] * 16 + [3 * BUCKET - 32] * 8


@pytest.mark.parametrize("beams", [1, 3])
def test_keys_and_values_stay_where_they_are(beams: int) -> None:
    """A compiled step holds on to the tensors it writes to."""
    followed = Followed(1, beams, 60)
    cache = followed.cache
    tensors = (*cache.keys, *cache.values, cache.lineage, cache.places, cache.position, cache.cursor)
    places = [tensor.data_ptr() for tensor in tensors]
    for _ in range(60):
        followed.step()
        followed.reorder([0] * beams)
    after = (*cache.keys, *cache.values, cache.lineage, cache.places, cache.position, cache.cursor)
    assert [tensor.data_ptr() for tensor in after] == places
