"""What is compiled relies on this: weights that stay where they are and as they are, and no gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from compiler.compilation.frozen import refusal

WRITTEN = "have its parameters written to: what is compiled holds them as they were"
"""Completes a refusal."""


class Weights:
    """Notices when a model's parameters lie elsewhere than they did: then nothing recorded holds.

    Where they lay stays theirs until then, lest a replay read what is somebody else's. Values written into
    them in place are seen by every replay.

    Attributes:
        when_moved: what to call then.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self._held = [parameter.detach() for parameter in model.parameters()]
        self.when_moved: list[Callable[[], None]] = []

    def look(self) -> None:
        """Look where they lie."""
        parameters = list(self._model.parameters())
        if places(parameters) == places(self._held):
            return
        self._held = [parameter.detach() for parameter in parameters]
        for call in self.when_moved:
            call()


class Unchanged:
    """Knows whether a model's parameters and buffers have been written to, or others put in their place.

    Also whether a part of it was told to train or to have gradients, which the model itself refuses.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self._held = [tensor.detach() for tensor in self._tensors()]  # lest their place be given to others
        self._writes = _writes(self._tensors())

    def require(self) -> None:
        """Raise CrossloomError (XL603) when something has changed."""
        tensors = self._tensors()
        if _writes(tensors) != self._writes or places(tensors) != places(self._held):
            raise refusal(WRITTEN)
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
            raise refusal("have gradients")
        if any(module.training for module in self._model.modules()):
            raise refusal("be trained")

    def _tensors(self) -> list[Tensor]:
        return [*self._model.parameters(), *self._model.buffers()]


def _writes(tensors: Iterable[Tensor]) -> int:
    """How often tensors were written to; one of inference mode counts none."""
    return sum(tensor._version for tensor in tensors if not tensor.is_inference())


def places(tensors: Iterable[Tensor]) -> list[int]:
    """Where tensors lie."""
    return [tensor.data_ptr() for tensor in tensors]


def without_gradients(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same without gradients, giving tensors that may be written to: those of inference may not."""

    @wraps(function)
    def called(*args: Any, **inputs: Any) -> Any:
        with torch.inference_mode(False), torch.no_grad():
            return function(*args, **inputs)

    return called
