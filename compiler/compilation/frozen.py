"""Models whose weights are kept elsewhere as well, and must therefore stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, NoReturn

import torch
from torch import Tensor

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

_LATER = 'build or load the model without `compile="max"`, and compile it when it no longer changes'


def freeze(model: torch.nn.Module) -> None:
    """Make the model refuse what would change its parameters or where they are: it stays in evaluation mode.

    Afterwards `train()`, `load_state_dict()`, and moves and casts raise CrossloomError (XL603).
    """
    model.eval()
    model.__dict__["load_state_dict"] = _refusing("take other weights")
    model.__dict__["_apply"] = _staying_where_it_is(model)
    model.__dict__["train"] = _staying_in_evaluation(model)
    for parameter in model.parameters():
        parameter.requires_grad_(False)


class Unchanged:
    """Knows whether tensors have been written to since it was made."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        # A tensor of inference mode counts no writes.
        self._tensors = [tensor for tensor in tensors if not tensor.is_inference()]
        self._versions = self._count()

    def require(self) -> None:
        """Raise CrossloomError (XL603) when one has."""
        if self._count() != self._versions:
            raise _refusal("have its parameters written to: what is compiled holds them as they were")

    def _count(self) -> int:
        return sum(tensor._version for tensor in self._tensors)


def state_of(model: torch.nn.Module) -> Iterable[Tensor]:
    """Parameters and buffers."""
    return chain(model.parameters(), model.buffers())


def _refusing(what: str) -> Callable[..., NoReturn]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise _refusal(what)

    return refuse


def _staying_where_it_is(model: Any) -> Callable[..., Any]:
    def apply(function: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        for parameter in model.parameters():
            moved = function(parameter.detach())
            if (moved.dtype, moved.device) != (parameter.dtype, parameter.device):
                raise _refusal("be moved or cast")
            break
        return model

    return apply


def _staying_in_evaluation(model: Any) -> Callable[..., Any]:
    def train(mode: bool = True) -> Any:
        if mode:
            raise _refusal("be trained")
        return model

    return train


def _refusal(what: str) -> CrossloomError:
    message = f"a model that is compiled with its weights cannot {what}"
    return CrossloomError([Diagnostic("XL603", Severity.ERROR, message, help=_LATER)])
