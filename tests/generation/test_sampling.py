"""Draws: the distribution they come from, their reproducibility, and beam sampling."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from compiler.diagnostics import CrossloomError
from runtime.generation import generate
from runtime.generation.conditions import Drawable
from runtime.generation.sampling import Draw
from tests.generation.adapter import Adapter
from tests.generation.models import random_case

FILTERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "temperature": {"temperature": 0.6},
    "all of the vocabulary": {"top_k": 0},
    "top_k": {"top_k": 3},
    "narrow top_k": {"top_k": 1},
    "top_p": {"top_p": 0.7},
    "narrow top_p": {"top_p": 0.1},
    "min_p": {"min_p": 0.2},
    "typical_p": {"typical_p": 0.6},
    "epsilon_cutoff": {"epsilon_cutoff": 0.05},
    "eta_cutoff": {"eta_cutoff": 0.1},
    "together": {"temperature": 1.3, "top_k": 6, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.3},
}


@pytest.mark.parametrize("search", [{}, {"num_return_sequences": 4}, {"num_beams": 3}, {"num_beams": 4}])
@pytest.mark.parametrize("name", FILTERS)
def test_equal_draws_from_an_equal_generator(name: str, search: dict[str, int]) -> None:
    """Drawn from one stream of random numbers, equal distributions give equal tokens."""
    for seed in range(6):
        which = random_case(seed)
        options = {**FILTERS[name], **search, "do_sample": True, "max_length": 9}
        torch.manual_seed(100 + seed)
        with torch.no_grad():
            theirs = which.model.generate(**which.inputs, **options)
        ours = generate(Adapter(which.model), **which.inputs, **options, seed=100 + seed)
        assert ours.tolist() == theirs.tolist()


def test_a_seed_repeats_and_leaves_the_global_generator_alone() -> None:
    which = random_case(1)
    model = Adapter(which.model)
    options: dict[str, Any] = {"do_sample": True, "max_new_tokens": 12, "top_k": 0, "temperature": 3.0}
    state = torch.get_rng_state()
    first, again, other = (generate(model, **which.inputs, **options, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_draws_follow_the_probabilities() -> None:
    """Chi-square of 20,000 draws over eight tokens: 7 degrees of freedom, 1 in a million exceeds 41."""
    scores = torch.tensor([0.5, -1.0, 2.0, 0.0, -0.5, 1.0, 0.2, -2.0])
    count = 20_000
    draws = Draw(0, Drawable(torch.device("cpu"))).one(scores.expand(count, -1))
    expected = scores.softmax(dim=-1) * count
    observed = torch.bincount(draws, minlength=len(scores))
    assert float(((observed - expected) ** 2 / expected).sum()) < 41


def test_several_draws_of_a_row_differ() -> None:
    places = Draw(0, Drawable(torch.device("cpu"))).several(torch.zeros(50, 6), 6)
    assert places.sort(dim=1).values.tolist() == [list(range(6))] * 50


@pytest.mark.parametrize("value", [-torch.inf, torch.inf, torch.nan])
def test_a_row_of_which_nothing_can_be_drawn_is_noted(value: float) -> None:
    drawable = Drawable(torch.device("cpu"))
    scores = torch.zeros(3, 4)
    Draw(0, drawable).one(scores)
    drawable.look()
    scores[1] = value
    Draw(0, drawable).one(scores)
    with pytest.raises(CrossloomError, match="no token is left to draw"):
        drawable.look()


def test_first_tokens_follow_the_models_probabilities() -> None:
    """The whole path, 3,000 first tokens a sentence: chi-square over the tokens expected 10 times or more."""
    which = random_case(2)
    model = Adapter(which.model)
    count = 3_000
    ids = generate(
        model, **which.inputs, do_sample=True, top_k=0, max_new_tokens=1, num_return_sequences=count, seed=0
    )
    encoded = model.encode(**which.inputs)
    start = torch.full((3, 1), which.model.config.decoder_start_token_id)
    with torch.no_grad():
        logits = model.decode(start, encoded, model.new_cache(3, 1, encoded))[:, -1]
    for row, expected in enumerate(logits.softmax(dim=-1) * count):
        observed = torch.bincount(ids.view(3, count, 2)[row, :, 1], minlength=len(expected))
        often = expected >= 10
        assert float(((observed - expected) ** 2 / expected)[often].sum()) < 30 + 4 * int(often.sum())
