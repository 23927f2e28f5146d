"""Dropout: how many elements it drops, what it makes of the others, and attention through it."""

from __future__ import annotations

import pytest
import torch

from blocks.attention import attend
from blocks.drop_out import STEPS, drop_out

COUNT = 1_000_003


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_share_and_scale(probability: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    found = drop_out(torch.full((COUNT,), 3.0, dtype=dtype), probability)
    assert found.dtype == dtype
    deviation = (probability * (1 - probability) / COUNT) ** 0.5
    assert abs((found == 0).double().mean().item() - probability) < 5 * deviation + 0.5 / STEPS
    kept = round(probability * STEPS) / STEPS
    expected = torch.tensor(1 / (1 - kept), dtype=dtype) * 3.0
    assert torch.equal(found[found != 0], expected.expand(int((found != 0).sum())))


def test_elements_are_dropped_apart_from_each_other() -> None:
    """Four neighbours share a drawn number; pairs of them go together as often as chance has it."""
    torch.manual_seed(0)
    dropped = (drop_out(torch.ones(4 * 250_000), 0.3) == 0).double().view(-1, 4)
    deviation = (0.09 * 0.91 / len(dropped)) ** 0.5
    assert all(abs(share - 0.3) < 5 * (0.21 / len(dropped)) ** 0.5 for share in dropped.mean(0).tolist())
    together = dropped.t() @ dropped / len(dropped)
    for one in range(4):
        for other in range(one):
            assert abs(together[one, other].item() - 0.09) < 5 * deviation


def test_seeds_decide() -> None:
    states = torch.ones(5, 7)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(drop_out(states, 0.5))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize(
    "states", [torch.empty(0, 4), torch.ones(1), torch.ones(3, 5).t(), torch.tensor(2.0)]
)
def test_any_shape(states: torch.Tensor) -> None:
    assert drop_out(states, 0.5).shape == states.shape


def test_limits() -> None:
    states = torch.ones(100)
    assert drop_out(states, 0.5, training=False) is states
    assert drop_out(states, 0.0) is states
    assert not drop_out(states, 1.0).any()


def test_gradients_are_those_of_what_was_kept() -> None:
    states = torch.randn(40, requires_grad=True)
    found = drop_out(states, 0.25)
    (gradient,) = torch.autograd.grad(found.sum(), states)
    assert torch.equal(gradient, torch.where(found == 0, 0.0, torch.tensor(4 / 3)))


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("masked", [True, False])
def test_attention_drops_weights(masked: bool, scale: float | None) -> None:
    """With values that are unit vectors, what comes out is the weights: each dropped, or scaled."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 2, 3, 6, 6).unbind(0)
    value = torch.eye(6).expand(2, 3, 6, 6)
    mask = torch.where(torch.rand(2, 1, 1, 6) < 0.3, torch.finfo(torch.float32).min, 0.0) if masked else None
    whole = attend(query, key, value, mask, 0.0, scale)
    found = attend(query, key, value, mask, 0.25, scale)
    assert (found == 0).sum() > (whole == 0).sum()
    assert torch.allclose(found, torch.where(found == 0, 0.0, whole * 4 / 3), atol=1e-6)
