"""Every product that an affine map chooses from, against the formula in float64."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from blocks.linear import FEW_ROWS, MANY_OPERATIONS, Projection

ROWS = [0, 1, 2, 3, 5, FEW_ROWS, FEW_ROWS + 1, 40]
WIDTHS = [(8, 8), (8, 48), (48, 8), (7, 13), (13, 7), (1, 1), (24, 9), (9, 24)]
LARGE = 512
"""Inputs and outputs with which a few more rows are many operations."""


class Products(TorchFunctionMode):
    """Notes which functions of torch are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.names.add(func.__name__)
        return func(*args, **(kwargs or {}))


@contextmanager
def products() -> Iterator[set[str]]:
    with Products() as mode:
        yield mode.names


def made(inputs: int, outputs: int, bias: bool = True) -> Projection:
    torch.manual_seed(inputs * 100 + outputs)
    projection = Projection(inputs, outputs, bias=bias)
    torch.nn.init.normal_(projection.weight, std=0.5)
    return projection


def exact(projection: Projection, states: Tensor) -> Tensor:
    weight, bias = projection.weight.double(), projection.bias
    return states.double() @ weight.t() + (0.0 if bias is None else bias.double())


def close(found: Tensor, expected: Tensor) -> bool:
    return found.shape == expected.shape and torch.allclose(found.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("inputs", "outputs"), WIDTHS)
@pytest.mark.parametrize("rows", ROWS)
def test_any_shape(rows: int, inputs: int, outputs: int, bias: bool) -> None:
    projection = made(inputs, outputs, bias)
    states = torch.randn(rows, inputs)
    expected = exact(projection, states)
    found = projection(states)
    assert close(found, expected)
    assert found.is_contiguous() or outputs > inputs
    assert found.view(rows, 1, outputs).shape == (rows, 1, outputs)
    assert close(projection(states.unsqueeze(1)), expected.unsqueeze(1))
    assert close(projection(states.t().contiguous().t()), expected), "any layout"
    if rows == 1:
        assert close(projection(states[0]), expected[0])


@pytest.mark.parametrize("bias", [True, False])
def test_many_operations(bias: bool) -> None:
    rows = MANY_OPERATIONS // LARGE**2
    projection = made(LARGE, LARGE, bias)
    states = torch.randn(2, rows // 2, LARGE)
    with torch.no_grad(), products() as used:
        found = projection(states)
    assert "to_mkldnn" in used
    assert close(found / 10, exact(projection, states) / 10)
    assert found.is_contiguous()
    with torch.no_grad(), products() as used:
        projection(states[:, :-1])
    assert "to_mkldnn" not in used
    with products() as used:
        projection(states)
    assert "to_mkldnn" not in used, "what has a gradient may be differentiated twice"


@pytest.mark.parametrize("rows", [1, 3, MANY_OPERATIONS // LARGE**2])
def test_gradients(rows: int) -> None:
    projection = made(LARGE, LARGE // 2)
    states = torch.randn(rows, LARGE, requires_grad=True)
    factors = torch.randn(rows, LARGE // 2)
    parameters = (states, projection.weight, projection.bias)
    found = torch.autograd.grad((projection(states) * factors).sum(), parameters)
    expected = torch.autograd.grad((exact(projection, states) * factors).sum(), parameters)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 5, 2 * MANY_OPERATIONS // LARGE**2])
def test_other_dtypes_are_multiplied_as_torch_does(rows: int, dtype: torch.dtype) -> None:
    projection = made(LARGE, LARGE).to(dtype)
    states = torch.randn(rows, LARGE).to(dtype)
    plain = torch.nn.functional.linear(states, projection.weight, projection.bias)
    assert torch.equal(projection(states), plain)


def test_autocast_decides_the_dtype() -> None:
    projection, states = made(LARGE, LARGE), torch.randn(64, LARGE)
    with torch.autocast("cpu", torch.bfloat16):
        assert projection(states).dtype == torch.bfloat16
