"""The best continuations found by blocks are those that sorting all of them finds, equals included."""

from __future__ import annotations

import pytest
import torch

from runtime.generation.best import BLOCK, BestContinuations

CPU = torch.device("cpu")


@pytest.mark.parametrize("vocabulary", [BLOCK * 20, BLOCK * 20 + 1, BLOCK * 21 - 1, 10_000])
@pytest.mark.parametrize("steps", [0, 64, 1024], ids=["distinct", "many equal", "some equal"])
@pytest.mark.parametrize("beams", [2, 5])
def test_as_of_all(vocabulary: int, steps: int, beams: int) -> None:
    """`steps`: how finely scores are told apart, so that few sums or many are equal."""
    best, chosen = BestContinuations(beams, vocabulary, 3 * beams, CPU), set()
    assert best.useful
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        log_probs = torch.randn(3, beams, vocabulary, generator=generator).log_softmax(-1)
        scores = -50 * torch.rand(3, beams, generator=generator)
        if seed % 3 == 0:  # the first step, of which one beam counts
            scores[:, 1:] = -1e9
        if seed % 5 == 0:  # an option that forbids all but a few
            log_probs[:, :, 2:] = -torch.inf
        if steps:
            log_probs, scores = (log_probs * steps).round() / steps, (scores * steps).round() / steps
        expected = (log_probs + scores[:, :, None]).flatten(1).topk(3 * beams)
        totals, places, distinct = best(log_probs, scores)
        assert torch.equal(totals, expected.values)
        assert torch.equal(places, expected.indices)
        chosen.add(distinct)
    assert False in chosen
    assert steps == 64 or True in chosen


def test_a_sum_that_rounding_makes_equal_is_left_to_all() -> None:
    """Within a block the greater number comes first; of the rounded sums neither is greater."""
    log_probs = torch.full((1, 2, BLOCK * 20), -30.0)
    log_probs[0, 0, 5], log_probs[0, 0, 3] = -1.0, -1.0000001
    scores = torch.tensor([[-100.0, -200.0]])
    best = BestContinuations(2, BLOCK * 20, 2, CPU)
    expected = (log_probs + scores[:, :, None]).flatten(1).topk(2)
    totals, places, distinct = best(log_probs, scores)
    assert (torch.equal(totals, expected.values), torch.equal(places, expected.indices)) == (True, True)
    assert not distinct


def test_few_ids_are_sorted_at_once() -> None:
    assert not BestContinuations(5, 60, 10, CPU).useful
