"""Ctrl-C and SIGTERM, kept back until the state of a run can be saved."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import current_thread, main_thread
from types import FrameType
from typing import Any


@dataclass
class Interruption:
    """A request to stop, kept back from its signal to the next `heed`.

    An update is done whole or not at all this way. A second signal acts at once, as if nobody kept any back.
    """

    _received: int | None = None
    _handlers: dict[int, Any] = field(default_factory=dict)

    def heed(self, save: Callable[[], object]) -> None:
        """Where a signal came in: save, and then let it do what it does, which may be to end the process."""
        if self._received is None:
            return
        handlers = dict(self._handlers)
        self._give_back()  # a signal while the state is saved acts at once
        save()
        signal.raise_signal(self._received)
        # The program's own handler came back: it only took note, and the run goes on.
        self._received = None
        self._take(handlers)

    @contextmanager
    def kept_back(self) -> Iterator[None]:
        """Within the block, signals wait for `heed`; those that are ignored anyway stay so.

        Only the main thread receives signals; in any other thread nothing is changed.
        """
        if current_thread() is main_thread():
            found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
            self._take({n: handler for n, handler in found.items() if handler not in (None, signal.SIG_IGN)})
        try:
            yield
            self.heed(lambda: None)
        finally:
            self._give_back()

    def _take(self, handlers: dict[int, Any]) -> None:
        self._handlers = handlers
        for number in handlers:
            signal.signal(number, self._note)

    def _give_back(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _note(self, number: int, _: FrameType | None) -> None:
        if self._received is not None:
            self._give_back()
            signal.raise_signal(number)
        self._received = number
