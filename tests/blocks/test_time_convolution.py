"""Convolutions over time compute what torch's do, and keep a position's channels side by side on a CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from blocks.time_convolution import LONG, TimeConvolution, TransposedTimeConvolution, beside_each_other

CHANNELS, WIDER = 4, 6
SHORT = 23
FORMS = [
    {"kernel_size": 1, "bias": False},
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 5, "padding": 6, "dilation": 3},
    {"kernel_size": 4, "stride": 3, "padding": 2},
    {"kernel_size": 3, "groups": 2, "padding": 1},
]
TRANSPOSED = [(4, 2, 1), (11, 5, 3), (3, 3, 0)]


def states(batch: int, length: int) -> Tensor:
    torch.manual_seed(batch)
    return torch.randn(batch, CHANNELS, length)


def same(own: nn.Module, torchs: nn.Module, given: Tensor) -> Tensor:
    """What one of ours gives, having compared it and its gradients with torch's."""
    torchs.load_state_dict(own.state_dict())
    inputs = [given.clone().requires_grad_() for _ in range(2)]
    found: Tensor = own(inputs[0])
    expected: Tensor = torchs(inputs[1])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    for output in (found, expected):
        output.square().mean().backward()  # type: ignore[no-untyped-call]
    pairs = zip((inputs[0], *own.parameters()), (inputs[1], *torchs.parameters()), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-4)
    return found


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("length", [SHORT, LONG])
def test_a_convolution_is_torchs(form: dict[str, Any], batch: int, length: int) -> None:
    own, torchs = TimeConvolution(CHANNELS, WIDER, **form), nn.Conv1d(CHANNELS, WIDER, **form)
    found = same(own, torchs, states(batch, length))
    assert (found.stride(1) == 1) == (length == LONG), "channels are next to each other where it counts"


@pytest.mark.parametrize("form", TRANSPOSED, ids=str)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("length", [SHORT, LONG])
def test_a_transposed_convolution_is_torchs(form: tuple[int, int, int], batch: int, length: int) -> None:
    kernel, stride, padding = form
    own = TransposedTimeConvolution(CHANNELS, WIDER, kernel, stride, padding)
    torchs = nn.ConvTranspose1d(CHANNELS, WIDER, kernel, stride, padding)
    found = same(own, torchs, states(batch, length))
    assert (found.stride(1) == 1) == (length == LONG), "channels are next to each other where it counts"


def test_states_that_lie_so_are_not_moved() -> None:
    given = states(2, SHORT)
    beside = given.transpose(1, 2).contiguous().transpose(1, 2)
    assert beside_each_other(beside).data_ptr() == beside.data_ptr()
    assert torch.equal(beside_each_other(given).squeeze(2), given)
