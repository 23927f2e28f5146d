"""Row operations undo themselves, and agree with the shapes they state."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from compiler.weights.operations import apply, invert
from specs.weights import Concat, Rename, Reorder, Slice, Split, Transpose

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


def tensor(shape: tuple[int, ...], offset: int = 0) -> Tensor:
    """Every element differs from every other."""
    return (torch.arange(math.prod(shape)) + offset * 1000).view(shape)


@given(shape=SHAPES)
def test_rename(shape: tuple[int, ...]) -> None:
    stored = tensor(shape)
    assert Rename().stored_shapes(shape) == (shape,)
    assert torch.equal(apply(Rename(), [stored]), stored)
    assert torch.equal(invert(Rename(), stored)[0], stored)


@given(shape=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_transpose(shape: tuple[int, int]) -> None:
    stored = tensor(shape)
    parameter = apply(Transpose(), [stored])
    assert Transpose().stored_shapes(tuple(parameter.shape)) == (shape,)
    assert parameter[-1, 0] == stored[0, -1]
    assert torch.equal(invert(Transpose(), parameter)[0], stored)


@given(shape=SHAPES, count=st.integers(1, 4), data=st.data())
def test_split(shape: tuple[int, ...], count: int, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    operations = [Split(axis, index, count) for index in range(count)]
    (whole,) = operations[0].stored_shapes(shape)
    stored = tensor(whole)
    parts = [apply(operation, [stored]) for operation in operations]
    assert all(tuple(part.shape) == shape for part in parts)
    for index, operation in enumerate(operations):
        others = parts[:index] + parts[index + 1 :]
        assert torch.equal(invert(operation, parts[index], others)[0], stored)


@given(shape=SHAPES, count=st.integers(1, 4), data=st.data())
def test_concat(shape: tuple[int, ...], count: int, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    operation = Concat(axis, count)
    stored = [tensor(shape, offset) for offset in range(count)]
    parameter = apply(operation, stored)
    assert operation.stored_shapes(tuple(parameter.shape)) == (shape,) * count
    back = invert(operation, parameter)
    assert len(back) == count
    assert all(torch.equal(one, other) for one, other in zip(stored, back, strict=True))


@given(shape=SHAPES, order=st.permutations(range(3)), data=st.data())
def test_reorder(shape: tuple[int, ...], order: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    sizes = [size * (3 if position == axis else 1) for position, size in enumerate(shape)]
    operation, stored = Reorder(axis, tuple(order)), tensor(tuple(sizes))
    parameter = apply(operation, [stored])
    assert operation.stored_shapes(tuple(sizes)) == (tuple(sizes),)
    for position, source in enumerate(order):
        assert torch.equal(parameter.chunk(3, axis)[position], stored.chunk(3, axis)[source])
    assert torch.equal(invert(operation, parameter)[0], stored)


@given(before=st.integers(0, 3), kept=st.integers(1, 3), after=st.integers(0, 3), other=st.integers(1, 3))
def test_slice(before: int, kept: int, after: int, other: int) -> None:
    total = before + kept + after
    for axis, whole in ((0, (total, other)), (1, (other, total))):
        stored, operation = tensor(whole), Slice(axis, before, before + kept, total)
        parameter = apply(operation, [stored])
        assert parameter.shape[axis] == kept
        assert operation.stored_shapes(tuple(parameter.shape)) == (whole,)
        around = [stored.narrow(axis, 0, before), stored.narrow(axis, before + kept, after)]
        assert torch.equal(invert(operation, parameter, around)[0], stored)
