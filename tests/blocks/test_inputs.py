"""What a model refuses of its inputs, and how it names the place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from blocks.inputs import check_ids, check_mask, check_numbers
from blocks.labels import IGNORED

IDS = torch.tensor([[3, 5, IGNORED], [0, IGNORED, IGNORED]])
MASK = torch.tensor([[1, 1, 1], [1, 0, 1]])


def test_ids_of_the_vocabulary_pass() -> None:
    check_ids("labels", IDS, 6, IGNORED)
    check_ids("ids", IDS.clamp(min=0), 6)


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
        check_ids("labels", IDS.clamp(min=0).to(dtype), 6)


def test_ids_have_two_dimensions() -> None:
    with pytest.raises(ValueError, match=r"int64 ids \[B, T\], not torch.int64 \[3\]"):
        check_ids("labels", IDS[0], 6, IGNORED)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32])
def test_masks_pass(dtype: torch.dtype) -> None:
    check_mask("mask", None)
    check_mask("mask", MASK.to(dtype))


@pytest.mark.parametrize("value", [2, -1, 0.5, float("nan")])
def test_a_value_that_is_no_mask_is_named_with_its_place(value: float) -> None:
    mask = MASK.float()
    mask[1, 0] = value
    with pytest.raises(ValueError, match=rf"mask\[1, 0\] is {float(value)}, and a mask is 1 or 0"):
        check_mask("mask", mask)


def test_numbers_have_the_dtype_of_the_model() -> None:
    model, numbers = nn.Linear(2, 2), torch.zeros(1, 2)
    check_numbers("features", numbers, model)
    check_numbers("features", numbers.double(), model.double())
    for other in (numbers, numbers.half(), numbers.long()):
        with pytest.raises(ValueError, match=rf"features is {other.dtype}, and .* in torch.float64"):
            check_numbers("features", other, model)
    with torch.autocast("cpu", torch.bfloat16):
        check_numbers("features", numbers.bfloat16(), model.float())


def test_what_is_no_tensor_is_refused() -> None:
    array = np.zeros((1, 2))
    for check in (
        lambda: check_numbers("given", array, nn.Linear(2, 2)),  # type: ignore[arg-type]
        lambda: check_mask("given", array),  # type: ignore[arg-type]
        lambda: check_ids("given", array, 3),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match="given is no torch tensor: ndarray"):
            check()  # type: ignore[no-untyped-call]
