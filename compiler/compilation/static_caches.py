"""Decoding caches whose tensors stay where they are, lent to one decoding after another."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.compilation.padding import bucket
from compiler.compilation.recordings import saved_in

CACHES = 8
"""How many caches wait to be lent again."""
GRAIN = 64
"""Lengths are rounded up to a multiple of this."""


class Encoded(NamedTuple):
    """What decoding reads of the encoder: states [B, S, D] and their mask [B, S], or None."""

    hidden: Tensor
    mask: Tensor | None


class StaticCache:
    """A cache of fixed addresses, the ids and encoder states of a step beside it.

    `original` is never decoded with: what is lent are copies of it that share its tensors and count for
    themselves.
    """

    def __init__(self, original: Any, encoded: Encoded, rows: int) -> None:
        self.original = original
        self.encoded = encoded
        self.ids = torch.zeros(rows, 1, dtype=torch.int64, device=encoded.hidden.device)
        self._state = {name: one for name, one in vars(original).items() if isinstance(one, Tensor)}
        self._initial = {name: one.clone() for name, one in self._state.items()}
        self._borrower: weakref.ref[Any] = weakref.ref(self)
        full = copy.copy(original)
        full.reserve(full.capacity)
        self._slots: int = full.visible

    @property
    def is_idle(self) -> bool:
        """Whether nobody holds what was lent."""
        borrower = self._borrower()
        return borrower is None or borrower is self

    def lend(self) -> Any:
        """A cache in which nothing was decoded."""
        for name, tensor in self._state.items():
            if name != "cross_mask":
                tensor.copy_(self._initial[name])
        lent = copy.copy(self.original)
        self._borrower = weakref.ref(lent)
        return lent

    def fill(self, encoded: Encoded, made: Any) -> None:
        """Take over the source of `made`, a cache of other tensors for a source of the same size."""
        self.encoded.hidden.copy_(encoded.hidden)
        if self.encoded.mask is not None and encoded.mask is not None:
            self.encoded.mask.copy_(encoded.mask)
        for name, value in vars(made).items():
            if name == "cross_mask" and value is not None:
                self.original.cross_mask.copy_(value)
            elif name == "cross":
                for own, other in zip(tensors_in(self.original.cross), tensors_in(value), strict=True):
                    own.copy_(other)
        for name, value in vars(self.original).items():
            if isinstance(value, list) and name != "cross":
                for tensor in tensors_in(value):
                    tensor.zero_()  # nothing of another source is left, not even behind a mask

    def saved(self) -> Callable[[], None]:
        """What gives the state that decoding counts with its present values again."""
        return saved_in(self._state.values())

    def seeing(self, slots: int) -> Any:
        """A copy that reads so many slots, and is as full as it gets: all positions have rows."""
        cache = copy.copy(self.original)
        cache.visible = slots
        cache.filled = cache.capacity
        return cache

    def window(self, visible: int) -> int:
        """How many slots a step reads that has to see so many: the others are masked."""
        return min(bucket(visible), self._slots)

    def windows(self) -> list[int]:
        """The windows of a cache as it fills, smallest first."""
        cache = copy.copy(self.original)
        seen: dict[int, None] = {}
        while cache.filled < cache.capacity:
            cache.reserve(1)
            seen[self.window(cache.visible)] = None
        return list(seen)


class StaticCaches:
    """Lends caches, and makes one where none of the kind is idle.

    The source of one kind is as long as its bucket, the rest masked, if it has a mask; its length is a
    multiple of `GRAIN`, or `longest`.
    """

    def __init__(
        self,
        new_cache: Callable[..., Any],
        longest: int | None,
        made: Callable[[StaticCache], None],
        dropped: Callable[[StaticCache], None],
        limit: int = CACHES,
    ) -> None:
        self._new_cache, self._longest = new_cache, longest
        self._made, self._dropped = made, dropped
        self._limit = limit
        self._kinds: dict[StaticCache, tuple[Any, ...]] = {}
        self._lent: WeakKeyDictionary[Any, StaticCache] = WeakKeyDictionary()

    def lend(self, rows: int, length: int, encoded: Any, beams: int) -> Any:
        """A cache with room for `length` tokens or more, or None where they are too many."""
        capacity = -(-length // GRAIN) * GRAIN
        if self._longest is not None:
            capacity = min(capacity, self._longest)
        if not 0 < length <= capacity:
            return None
        source = _in_bucket(encoded)
        kind = (rows, capacity, beams, tuple(source.hidden.shape), source.hidden.dtype, source.mask is None)
        static = next((one for one, its in self._kinds.items() if its == kind and one.is_idle), None)
        if static is None:
            static = StaticCache(self._new_cache(rows, capacity, source, beams), source, rows)
            self._keep(static, kind)
        else:
            self._kinds[static] = self._kinds.pop(static)  # the last used is the last to go
            static.fill(source, self._new_cache(rows, 1, source, beams))
        lent = static.lend()
        self._lent[lent] = static
        return lent

    def behind(self, cache: Any) -> StaticCache | None:
        """What a cache was lent from; None for any other."""
        return self._lent.get(cache)

    def clear(self) -> None:
        """Forget all; what is lent goes on, as any other cache."""
        for static in self._kinds:
            self._dropped(static)
        self._kinds.clear()
        self._lent.clear()

    def _keep(self, static: StaticCache, kind: tuple[Any, ...]) -> None:
        idle = [one for one in self._kinds if one.is_idle]
        for one in idle[: max(0, len(self._kinds) + 1 - self._limit)]:
            del self._kinds[one]
            self._dropped(one)
        self._kinds[static] = kind
        self._made(static)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors of lists in lists, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from tensors_in(one)


def _in_bucket(encoded: Any) -> Encoded:
    """Copies of the states and their mask, filled up to a bucket if there is one."""
    hidden, mask = encoded.hidden, encoded.mask
    if mask is None:
        return Encoded(hidden.clone(), None)
    more = bucket(hidden.shape[1]) - hidden.shape[1]
    return Encoded(F.pad(hidden, (0, 0, 0, more)), F.pad(mask, (0, more)))
