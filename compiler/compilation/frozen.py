"""Models whose weights are kept elsewhere as well, and must therefore stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import Tensor

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

_LATER = 'build or load the model without `compile="max"`, and compile it when it no longer changes'


def freeze(model: torch.nn.Module) -> None:
    """Make the model refuse what would change its parameters or where they are.

    Afterwards `train()`, `load_state_dict()`, `requires_grad_()`, and moves and casts raise CrossloomError
    (XL603): it stays in evaluation mode.
    """
    model.eval().requires_grad_(False)
    model.__dict__ |= {
        "load_state_dict": _refusing("take other weights"),
        "_apply": _staying_where_it_is(model),
        "train": _staying_as_it_is(model, "be trained"),
        "requires_grad_": _staying_as_it_is(model, "have gradients"),
    }


def _refusing(what: str) -> Callable[..., NoReturn]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise refusal(what)

    return refuse


def _staying_where_it_is(model: Any) -> Callable[..., Any]:
    def apply(function: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        for parameter in model.parameters():
            moved = function(parameter.detach())
            if (moved.dtype, moved.device) != (parameter.dtype, parameter.device):
                raise refusal("be moved or cast")
        return model

    return apply


def _staying_as_it_is(model: Any, what: str) -> Callable[..., Any]:
    def switch(*given: bool, **named: bool) -> Any:
        if all((*given, *named.values())):  # on is the default
            raise refusal(what)
        return model

    return switch


def refusal(what: str) -> CrossloomError:
    """Of what a frozen model cannot do (XL603)."""
    message = f"a model that is compiled with its weights cannot {what}"
    return CrossloomError([Diagnostic("XL603", Severity.ERROR, message, help=_LATER)])
