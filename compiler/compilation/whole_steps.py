"""Decode steps as recordings: one for so many rows, beams, and slots of a cache that attention reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from compiler.compilation.recordings import Key, Recordings, Save
from compiler.compilation.static_caches import StaticCache, StaticCaches
from compiler.compilation.undisturbed import Weights, without_gradients


class WholeSteps:
    """Stands in place of a model's `new_cache` and `decode_step`.

    The source's keys and values are computed when a cache is asked for, outside of what is recorded. A step
    of one token a row over a cache that was lent is a replay; every other step runs as it is.
    """

    def __init__(
        self,
        new_cache: Callable[..., Any],
        decode_step: Callable[..., Tensor],
        recordings: Recordings,
        weights: Weights,
        longest: int | None,
    ) -> None:
        self._new_cache, self._decode_step = new_cache, decode_step
        self._recordings, self._weights = recordings, weights
        self._caches = StaticCaches(
            without_gradients(new_cache), longest, made=self._warm, dropped=recordings.forget
        )
        weights.when_moved.append(self._caches.clear)

    def new_cache(self, rows: int, length: int, encoded: Any = None, beams: int = 1) -> Any:
        """As the model's; the cache has room for `length` tokens or more."""
        lent = None
        if encoded is not None and rows == len(encoded.hidden) * beams:
            with self._recordings.lock, torch.inference_mode(False), torch.no_grad():
                self._weights.look()
                lent = self._caches.lend(rows, length, encoded, beams)
        return self._new_cache(rows, length, encoded, beams) if lent is None else lent

    def decode_step(self, ids: Tensor, encoded: Any, cache: Any = None, *others: Tensor | None) -> Tensor:
        """As the model's: [R, T, V], in memory of its own."""
        static = None if cache is None else self._caches.behind(cache)
        with torch.inference_mode(False), torch.no_grad():
            if static is None or ids.shape[1] != 1 or any(one is not None for one in others):
                return self._decode_step(ids, encoded, cache, *others)
            with self._recordings.lock:
                static.ids.copy_(ids)
                logits: Tensor = self._recordings.replay(*self._work(static, static.window(cache.visible)))
                return logits.clone()

    def _work(self, static: StaticCache, slots: int) -> tuple[Key, Callable[[], Tensor], Save]:
        """What a recording is kept by, the step it records, and what keeps the state that it changes."""

        def run() -> Tensor:
            return self._decode_step(static.ids, static.encoded, static.seeing(slots))

        return (static, slots), run, static.saved

    def _warm(self, static: StaticCache) -> None:
        """Record the steps that a cache will need, the largest first, whose memory the others fit into."""
        windows = sorted(static.windows(), reverse=True)
        for slots in tqdm(windows, desc="recording decode steps", unit="step", leave=False, disable=None):
            self._recordings.record(*self._work(static, slots))
