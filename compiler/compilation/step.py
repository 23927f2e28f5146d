"""A decode step as a function of tensors alone, as ahead-of-time compilation wants it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class FlatStep(nn.Module):
    """`model.decode_step` of one token a row, over the tensors of a cache in the order of `tensors_of`.

    All numbers of the cache but `visible`, which the length of an input tells, are taken from the cache that
    it was made with, so it serves caches that differ from it in their tensors' sizes alone.
    """

    def __init__(self, model: nn.Module, step: Callable[..., Tensor], encoded: Any, cache: Any) -> None:
        super().__init__()
        self.model = model
        self._step = step
        self._encoded = type(encoded)
        self._cache = copy.copy(cache)

    def forward(self, ids: Tensor, *tensors: Tensor) -> Tensor:
        """ids [R, 1], then `tensors_of` a cache -> logits [R, 1, V]; what the cache holds is written to."""
        window, hidden, *states = tensors
        cache = copy.copy(self._cache)
        left = iter(states)
        for name, value in vars(self._cache).items():
            setattr(cache, name, _rebuilt(value, left))
        cache.visible = window.shape[0]
        return self._step(ids, self._encoded(hidden, None), cache)


def tensors_of(encoded: Any, cache: Any) -> list[Tensor]:
    """What a step works on: as many indices as it sees slots, the encoder's states, the cache's tensors."""
    tensors = [cache.indices[: cache.visible], encoded.hidden.contiguous()]
    for value in vars(cache).values():
        tensors += _leaves(value)
    return tensors


def _leaves(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [leaf for one in value for leaf in _leaves(one)]
    return []


def _rebuilt(value: Any, left: Any) -> Any:
    """`value` with its tensors replaced by the next ones."""
    if isinstance(value, Tensor):
        return next(left)
    if isinstance(value, (list, tuple)):
        return type(value)(_rebuilt(one, left) for one in value)
    return value
