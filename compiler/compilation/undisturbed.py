"""What recordings rely on: weights that stay where they are, and no gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch


class Weights:
    """Notices when a model's parameters lie elsewhere than they did: then nothing recorded holds.

    Where they lay stays theirs until then, lest a replay read what is somebody else's. Values written into
    them in place are seen by every replay.

    Attributes:
        when_moved: what to call then.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._parameters = list(model.parameters())
        self._buffers = list(model.buffers())
        self._data = [parameter.detach() for parameter in self._parameters]
        self.when_moved: list[Callable[[], None]] = []

    def look(self) -> None:
        """Look where they lie."""
        pairs = zip(self._parameters, self._data, strict=True)
        if all(parameter.data_ptr() == data.data_ptr() for parameter, data in pairs):
            return
        self._data = [parameter.detach() for parameter in self._parameters]
        for call in self.when_moved:
            call()


def without_gradients(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same without gradients, giving tensors that may be written to: those of inference may not."""

    @wraps(function)
    def called(*args: Any, **inputs: Any) -> Any:
        with torch.inference_mode(False), torch.no_grad():
            return function(*args, **inputs)

    return called
