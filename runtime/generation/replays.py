"""Work of a search that a model may have recorded, to be done again without the host."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

from torch import Tensor


class Work(Protocol):
    """Work on tensors that stay where they are."""

    def rank(self, log_probs: Tensor) -> None:
        """Do it, given log-probabilities [rows, V], asking the device nothing."""

    @property
    def state(self) -> Sequence[Tensor]:
        """What that changes, in place."""


W = TypeVar("W", bound=Work)
Rank = Callable[[Tensor], None]
"""The same of some `Work`, in whatever way."""


class Lend(Protocol):
    """Lends work of a kind, made where none is idle, as it was left."""

    def __call__(self, kind: Hashable, make: Callable[[], W]) -> AbstractContextManager[tuple[W, Rank]]:
        """The work for as long as the context lasts, and how it is done."""


@contextmanager
def lend_once(kind: Hashable, make: Callable[[], W]) -> Iterator[tuple[W, Rank]]:
    """Work that is made for one search, and done as it stands."""
    made = make()
    yield made, made.rank
