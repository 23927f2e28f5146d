"""Work of searches as recordings: one for every kind that is going on at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from compiler.compilation.recordings import Recordings, saved_in

WORKS = 8
"""How many wait to be lent again."""


class _Recorded:
    """Work whose input lies in a tensor of its own."""

    def __init__(self, work: Any, recordings: Recordings) -> None:
        self.work = work
        self._recordings = recordings
        self._given: Tensor | None = None

    def rank(self, log_probs: Tensor) -> None:
        """Do the work, as a replay."""
        with self._recordings.lock, torch.inference_mode(False), torch.no_grad():
            given = self._given = log_probs.clone() if self._given is None else self._given
            given.copy_(log_probs)
            self._recordings.replay(
                (self, *given.shape), lambda: self.work.rank(given), lambda: saved_in(self.work.state)
            )


class RecordedWork:
    """Lends work, and makes it where none of the kind is idle."""

    def __init__(self, recordings: Recordings, limit: int = WORKS) -> None:
        self._recordings = recordings
        self._limit = limit
        self._idle: list[tuple[Hashable, _Recorded]] = []

    @contextmanager
    def lend(self, kind: Hashable, make: Callable[[], Any]) -> Iterator[tuple[Any, Callable[[Tensor], None]]]:
        """Work of a kind for as long as the context lasts, and how it is done: `lend_work` of a model."""
        one = self._taken(kind, make)
        try:
            yield one.work, one.rank
        finally:
            self._put_back(kind, one)

    def _taken(self, kind: Hashable, make: Callable[[], Any]) -> _Recorded:
        with self._recordings.lock:
            for index, (its, one) in enumerate(self._idle):
                if its == kind:
                    del self._idle[index]
                    return one
        with torch.inference_mode(False), torch.no_grad():  # to be written to there and elsewhere
            return _Recorded(make(), self._recordings)

    def _put_back(self, kind: Hashable, one: _Recorded) -> None:
        with self._recordings.lock:
            self._idle.append((kind, one))
            while len(self._idle) > self._limit:
                self._recordings.forget(self._idle.pop(0)[1])
