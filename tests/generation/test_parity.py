"""Ids and scores equal transformers' own, bit for bit, when both run the very same modules.

What is left to differ is the search, the options and the scores; `test_live_model.py` adds our model.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

from runtime.generation import beam, generate, greedy
from tests.generation.adapter import Adapter
from tests.generation.models import SEARCHES, SEEDS, Case, end_ids, option_sets, random_case

LENGTH = 10


@cache
def case(seed: int) -> Case:
    return random_case(seed)


def both(which: Case, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Ours and theirs, length by default 14."""
    if "max_new_tokens" not in options:
        options.setdefault("max_length", LENGTH)
    with torch.no_grad():
        theirs = which.model.generate(**which.inputs, **options)
    return generate(Adapter(which.model), **which.inputs, **options), theirs


@cache
def without_options(seed: int, search: str) -> list[list[int]]:
    ids: list[list[int]] = both(case(seed), **SEARCHES[search])[0].tolist()
    return ids


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_search(seed: int, search: str) -> None:
    ours, theirs = both(case(seed), **SEARCHES[search])
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("search", SEARCHES)
def test_looking_seldom_changes_nothing(search: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an accelerator: no question after a step, some steps too many, the same ids."""
    monkeypatch.setattr(greedy, "look_interval", lambda device: 4)
    monkeypatch.setattr(beam, "look_interval", lambda device: 4)
    for seed in SEEDS:
        ids = generate(Adapter(case(seed).model), **case(seed).inputs, **SEARCHES[search], max_length=LENGTH)
        assert ids.tolist() == without_options(seed, search)


@pytest.mark.parametrize("search", ["greedy", "beam5"])
def test_one_sentence_and_no_mask(search: str) -> None:
    for seed in SEEDS:
        features = case(seed).inputs["input_features"][:1]
        alone = Case(case(seed).model, {"input_features": features})
        ours, theirs = both(alone, **SEARCHES[search])
        assert ours.tolist() == theirs.tolist()


def test_start_token_for_each_sentence() -> None:
    for seed in SEEDS:
        ours, theirs = both(case(seed), decoder_start_token_id=[2, 5, 3], num_beams=3)
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("search", ["beam5_early", "beam4_never", "beam4_long"])
@pytest.mark.parametrize(
    "name", ["none", "repetition_penalty", "renormalize_logits", "forced_both", "together"]
)
def test_beam_scores(search: str, name: str) -> None:
    for seed in SEEDS:
        which = case(seed)
        options = {**SEARCHES[search], "max_length": LENGTH, **option_sets(which.model.config)[name]}
        with torch.no_grad():
            theirs = which.model.generate(
                **which.inputs,
                **options,
                return_dict_in_generate=True,
                output_scores=True,
                output_logits=True,
            )
        ours = generate(Adapter(which.model), **which.inputs, **options, return_scores=True)
        assert ours.sequences.tolist() == theirs.sequences.tolist()
        torch.testing.assert_close(ours.sequence_scores, theirs.sequences_scores, rtol=0, atol=0)
        steps = which.model.compute_transition_scores(theirs.sequences, theirs.scores, theirs.beam_indices)
        torch.testing.assert_close(ours.token_scores[:, 1:], steps, rtol=0, atol=0)
        assert not ours.token_scores[:, 0].any()


@pytest.mark.parametrize("name", ["none", "repetition_penalty", "forced_both", "together"])
def test_greedy_scores(name: str) -> None:
    for seed in SEEDS:
        which = case(seed)
        options = {"max_length": LENGTH, **option_sets(which.model.config)[name]}
        with torch.no_grad():
            theirs = which.model.generate(
                **which.inputs, **options, return_dict_in_generate=True, output_scores=True
            )
        ours = generate(Adapter(which.model), **which.inputs, **options, return_scores=True)
        steps = which.model.compute_transition_scores(theirs.sequences, theirs.scores, normalize_logits=True)
        length = ours.sequences.shape[1]
        for row, sequence in enumerate(ours.sequences.tolist()):
            ends = end_ids(which.model.config)
            last = next((i for i in range(1, length) if sequence[i] in ends), length - 1)
            torch.testing.assert_close(ours.token_scores[row, 1 : last + 1], steps[row, :last])
            assert not ours.token_scores[row, last + 1 :].any()
            mean = ours.token_scores[row].sum() / last
            torch.testing.assert_close(ours.sequence_scores[row], mean)


def test_the_cases_cover_what_differs() -> None:
    ended = late = 0
    for seed in SEEDS:
        for row in without_options(seed, "beam5"):
            ended += row[-1] in {case(seed).model.config.pad_token_id, *end_ids(case(seed).model.config)}
            late += row[-1] not in {case(seed).model.config.pad_token_id, *end_ids(case(seed).model.config)}
    assert ended > 20
    assert late > 20
    assert {case(seed).model.config.pad_token_id for seed in SEEDS} > {0, 1}
    assert {len(end_ids(case(seed).model.config)) for seed in SEEDS} == {1, 2}
