"""Labels to a loss: in which dtype, of which labels, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from blocks.labels import IGNORED, check_ids, label_loss

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


def test_ids_of_the_vocabulary_pass() -> None:
    check_ids("labels", LABELS, 6, IGNORED)
    check_ids("ids", LABELS.clamp(min=0), 6)


@pytest.mark.parametrize(
    ("value", "vocabulary", "ignored"),
    [(6, 6, IGNORED), (-1, 6, IGNORED), (-99, 6, IGNORED), (IGNORED, 6, None)],
)
def test_an_id_outside_is_named_with_its_place(value: int, vocabulary: int, ignored: int | None) -> None:
    ids = torch.zeros(3, 4, dtype=torch.int64)
    ids[1, 2] = value
    with pytest.raises(ValueError, match=rf"ids\[1, 2\] is {value}, and ids go from 0 to 5"):
        check_ids("ids", ids, vocabulary, ignored)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int32, torch.bool])
def test_ids_are_int64(dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match="int64"):
        check_ids("labels", LABELS.clamp(min=0).to(dtype), 6)
