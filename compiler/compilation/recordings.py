"""What a device has recorded, to be done again without the host: kept by what it was recorded for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import RLock
from typing import Any, NamedTuple, Protocol

from torch import Tensor

GRAPHS = 256
"""How many recordings a model keeps; the one that was used longest ago makes room for another."""

Key = tuple[Any, ...]
Save = Callable[[], Callable[[], None]]
"""Keeps what work changes, and gives what restores it."""


class Recording(NamedTuple):
    """Work that is done by `replay`, and the tensors that it leaves its results in each time."""

    result: Any
    replay: Callable[[], None]


class Recorder(Protocol):
    """Records what a function has a device do.

    Every tensor it reads that it does not make itself is read where it lies, at each replay anew. What it
    gives lies in memory that all recordings share: it is to be read before another of them is replayed.
    """

    def record(self, run: Callable[[], Any], undo: Callable[[], None]) -> Recording:
        """Record `run`, which may run several times before; `undo` takes back what a run has changed."""

    def wait(self) -> None:
        """Return when nothing recorded is running."""


class Recordings:
    """Recordings by their keys, whose first part names what they belong to.

    Attributes:
        lock: to be held from writing the inputs of a recording until its results are read.
        made: how many were ever made.
    """

    def __init__(self, recorder: Recorder, limit: int = GRAPHS) -> None:
        self._recorder = recorder
        self._limit = limit
        self._held: OrderedDict[Key, Recording] = OrderedDict()
        self.lock = RLock()
        self.made = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: Key) -> bool:
        return key in self._held

    def replay(self, key: Key, run: Callable[[], Any], save: Save) -> Any:
        """Do the work of a key, recorded now if it was not before, and give where its results lie."""
        if key in self._held:
            self._held.move_to_end(key)
        else:
            self.record(key, run, save)
        recording = self._held[key]
        recording.replay()
        return recording.result

    def record(self, key: Key, run: Callable[[], Any], save: Save) -> None:
        """Record the work of a key without doing it."""
        while len(self._held) >= self._limit:
            self._drop([next(iter(self._held))])
        restore = save()
        self._held[key] = self._recorder.record(run, restore)
        restore()
        self.made += 1

    def forget(self, owner: Any = None) -> None:
        """Drop the recordings that belong to `owner`, or all of them."""
        self._drop([key for key in self._held if owner is None or key[0] == owner])

    def _drop(self, keys: list[Key]) -> None:
        if keys:
            self._recorder.wait()
        for key in keys:
            del self._held[key]


def unchanged() -> Callable[[], None]:
    """Of work that changes nothing but its results."""
    return lambda: None


def saved_in(tensors: Iterable[Tensor]) -> Callable[[], None]:
    """Of work that changes these: what gives them their present values again."""
    kept = [(tensor, tensor.clone()) for tensor in tensors]

    def restore() -> None:
        for tensor, value in kept:
            tensor.copy_(value)

    return restore
