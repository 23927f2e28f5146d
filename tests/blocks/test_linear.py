"""Every product that an affine map chooses from, against the formula in float64."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from blocks.linear import FEW_ROWS, MANY_OPERATIONS, WITHOUT_GRADIENT, Projection

ROWS = [0, 1, 2, 3, 5, FEW_ROWS, FEW_ROWS + 1, 40]
WIDTHS = [(8, 8), (8, 48), (48, 8), (7, 13), (13, 7), (1, 1), (24, 9), (9, 24)]
LARGE = 512
"""Inputs and outputs with which a few more rows are many operations."""
MANY_ROWS = MANY_OPERATIONS // LARGE**2


class Products(TorchDispatchMode):
    """Counts which operations are called, in backward passes too."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.names[str(func.overloadpacket)] += 1
        return func(*args, **(kwargs or {}))


@contextmanager
def products() -> Iterator[Counter[str]]:
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
    projection = made(LARGE, LARGE, bias)
    states = torch.randn(2, MANY_ROWS // 2, LARGE)
    with torch.no_grad(), products() as used:
        found = projection(states)
    assert used["mkldnn._linear_pointwise"] == 1
    assert close(found / 10, exact(projection, states) / 10)
    assert found.is_contiguous()
    with torch.no_grad(), products() as used:
        projection(states[:, :-1])
    assert "mkldnn._linear_pointwise" not in used


def test_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blocks.linear.ONEDNN", None)
    projection, states = made(LARGE, LARGE), torch.randn(MANY_ROWS, LARGE)
    plain = torch.nn.functional.linear(states, projection.weight, projection.bias)
    assert torch.equal(projection(states), plain)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 3, 2 * MANY_ROWS])
def test_gradients(rows: int, bias: bool) -> None:
    projection = made(LARGE, LARGE // 2, bias)
    states = torch.randn(1, rows, LARGE, requires_grad=True)
    factors = torch.randn(1, rows, LARGE // 2)
    parameters = (states, *projection.parameters())
    with products() as used:
        found = torch.autograd.grad((projection(states) * factors).sum(), parameters)
    assert used["mkldnn._linear_pointwise"] == (3 if rows > 3 else 0), "one forward, two backward"
    expected = torch.autograd.grad((exact(projection, states) * factors).sum(), parameters)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("rows", [1, 2 * MANY_ROWS])
def test_second_derivatives(rows: int) -> None:
    """Of the length of a gradient, as a penalty on it asks for."""
    projection = made(LARGE, LARGE // 2)
    states = torch.randn(rows, LARGE, requires_grad=True)

    def second(outputs: Tensor) -> tuple[Tensor, ...]:
        (first,) = torch.autograd.grad(outputs.pow(3).mean(), states, create_graph=True)
        return torch.autograd.grad(first.square().sum(), (states, projection.weight))

    for one, other in zip(second(projection(states)), second(exact(projection, states)), strict=True):
        assert torch.allclose(one / other.abs().max(), other / other.abs().max(), atol=1e-5)


def test_what_is_frozen_takes_no_gradient() -> None:
    projection, states = made(LARGE, LARGE).requires_grad_(False), torch.randn(MANY_ROWS, LARGE)
    bias = projection.bias.requires_grad_(True)
    with products() as used:
        projection(states).sum().backward()
    assert used["mkldnn._linear_pointwise"] == 1, "no product for a gradient that nobody reads"
    assert projection.weight.grad is None
    assert bias.grad is not None
    assert torch.equal(bias.grad, torch.full((LARGE,), float(MANY_ROWS)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 5, 2 * MANY_ROWS])
def test_other_dtypes_are_multiplied_as_torch_does(rows: int, dtype: torch.dtype) -> None:
    projection = made(LARGE, LARGE).to(dtype)
    states = torch.randn(rows, LARGE).to(dtype)
    plain = torch.nn.functional.linear(states, projection.weight, projection.bias)
    assert torch.equal(projection(states), plain)


@pytest.mark.parametrize("bias", [True, False])
def test_bfloat16_without_a_gradient(monkeypatch: pytest.MonkeyPatch, bias: bool) -> None:
    """By oneDNN where the processor can: rounded once, as torch's product is."""
    projection = made(LARGE, LARGE // 2, bias).bfloat16()
    states = torch.randn(2, MANY_ROWS, LARGE).bfloat16()
    with torch.no_grad(), products() as used:
        found = projection(states)
    assert used["mkldnn._linear_pointwise"] == (torch.bfloat16 in WITHOUT_GRADIENT)
    assert found.dtype is torch.bfloat16
    expected = exact(projection, states)
    assert ((found.double() - expected).abs() <= 2**-8 * expected.abs() + 1e-3).all()
    monkeypatch.setattr("blocks.linear.WITHOUT_GRADIENT", (torch.float32,))
    with torch.no_grad(), products() as used:
        projection(states)
    assert "mkldnn._linear_pointwise" not in used


def test_autocast_decides_the_dtype() -> None:
    projection, states = made(LARGE, LARGE), torch.randn(64, LARGE)
    with torch.autocast("cpu", torch.bfloat16):
        assert projection(states).dtype == torch.bfloat16
