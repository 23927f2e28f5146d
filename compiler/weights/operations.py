"""Row operations on values: stored tensors to a parameter, and back. Works on torch tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specs.weights import Concat, Fold, Operation, Rename, Reorder, Slice, Split, Steps, Transpose

if TYPE_CHECKING:
    from torch import Tensor


def apply(operation: Operation, stored: list[Tensor]) -> Tensor:
    """The parameter that stored tensors feed; a view wherever the operation allows one."""
    match operation:
        case Rename():
            return stored[0]
        case Transpose():
            return stored[0].t()
        case Split(axis=axis, index=index, count=count):
            return stored[0].chunk(count, axis)[index]
        case Concat(axis=axis):
            import torch

            return torch.cat(stored, axis)
        case Reorder(axis=axis, order=order):
            import torch

            blocks = stored[0].chunk(len(order), axis)
            return torch.cat([blocks[index] for index in order], axis)
        case Slice(axis=axis, start=start, stop=stop):
            return stored[0].narrow(axis, start, stop - start)
        case Fold():
            magnitude, direction = (tensor.double() for tensor in stored)
            return (direction * (magnitude / _norm(direction))).to(stored[1].dtype)
        case Steps(steps=steps):
            for step in steps:
                stored = [apply(step, stored)]
            return stored[0]


def invert(operation: Operation, parameter: Tensor, others: list[Tensor] | None = None) -> list[Tensor]:
    """The stored tensors a parameter came from.

    `others` holds what the operation left out: for a split the other parts in order, for a slice
    what lies before and after.
    """
    import torch

    match operation:
        case Rename():
            return [parameter]
        case Transpose():
            return [parameter.t()]
        case Split(axis=axis, index=index):
            assert others is not None, "a split part is exported together with the other parts"
            return [torch.cat([*others[:index], parameter, *others[index:]], axis)]
        case Concat(axis=axis, count=count):
            return list(parameter.chunk(count, axis))
        case Reorder(axis=axis, order=order):
            blocks = parameter.chunk(len(order), axis)
            restored = [blocks[order.index(position)] for position in range(len(order))]
            return [torch.cat(restored, axis)]
        case Slice(axis=axis):
            assert others is not None, "a slice is exported with what lies around it"
            return [torch.cat([others[0], parameter, others[1]], axis)]
        case Fold():
            return [_norm(parameter), parameter.clone()]
        case Steps(steps=(*earlier, last)):
            stored = invert(last, parameter, others)
            for step in reversed(earlier):
                stored = invert(step, stored[0])
            return stored
    raise AssertionError("an operation has steps")


def _norm(weight: Tensor) -> Tensor:
    """Of a weight, over all axes but the first."""
    import torch

    norm: Tensor = torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.dim())), keepdim=True)
    return norm
