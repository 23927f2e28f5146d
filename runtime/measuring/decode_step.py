"""What one decode step has to read, whoever computes it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def step_bytes(model: Any, encoded: Any, tokens: int, beams: int = 1) -> float:
    """Bytes that the mean step of decoding `tokens` tokens reads: its weights once, its caches once.

    Weights are the parameters of the modules that a step calls, each counted once; of an embedding only
    rows are read, which are not counted unless the output layer is tied to it. A layer's self-attention
    cache counts as far as it is filled, and its cross-attention cache, once a sentence: all that the beams
    of one may have in common.
    """
    rows = len(encoded.hidden) * beams
    with torch.inference_mode():
        cache = model.new_cache(rows, tokens, encoded=encoded, beams=beams)
    read: dict[int, Tensor] = {}

    def note(module: nn.Module, *_: object) -> None:
        if not isinstance(module, nn.Embedding):
            read.update((id(parameter), parameter) for parameter in module.parameters(recurse=False))

    hooks = [module.register_forward_hook(note) for module in model.modules()]
    try:
        with torch.inference_mode():
            model.decode(torch.zeros((rows, 1), dtype=torch.int64), encoded, cache=cache)
    finally:
        for hook in hooks:
            hook.remove()
    weights = sum(parameter.nbytes for parameter in read.values())
    cross = sum(state.nbytes for layer in cache.cross or () for state in layer)
    a_token = sum(state[:, :, :1].nbytes for state in (*cache.keys, *cache.values))
    filled = a_token * (tokens + 1) / 2
    return float(weights + cross + filled)
