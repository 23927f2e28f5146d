"""Labels to a loss: in which dtype, of which labels, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from blocks.labels import IGNORED, label_loss

LABELS = torch.tensor([[3, 5, IGNORED], [0, IGNORED, IGNORED]])


def logits(dtype: torch.dtype, scale: float = 1.0) -> torch.Tensor:
    drawn = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (drawn * scale).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_added_up_in_float32(dtype: torch.dtype) -> None:
    half = logits(dtype, 20.0)
    loss = label_loss(half, LABELS)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, label_loss(half.float(), LABELS))


def test_float64_stays_float64() -> None:
    exact = logits(torch.float64)
    loss = label_loss(exact, LABELS)
    assert loss.dtype == torch.float64
    expected = -exact.log_softmax(-1)[[0, 0, 1], [0, 1, 0], [3, 5, 0]].mean()
    torch.testing.assert_close(loss, expected, rtol=1e-14, atol=0)


def test_float32_is_the_mean_over_the_labels() -> None:
    given = logits(torch.float32)
    expected = functional.cross_entropy(given.flatten(0, 1), LABELS.flatten(), ignore_index=IGNORED)
    torch.testing.assert_close(label_loss(given, LABELS), expected, rtol=1e-6, atol=0)


def test_labels_all_ignored_add_nothing() -> None:
    given = logits(torch.float32).requires_grad_()
    loss = label_loss(given, torch.full_like(LABELS, IGNORED))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert given.grad is not None
    assert not given.grad.any()
