"""Faults of a family's weight table: every row dropped, and every row pointed at another's tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

FAMILY = "specs.families.speech_to_text"
TABLES = "both tables follow one formula, and only the rows that both have are compared"


@dataclass(frozen=True)
class RowFault:
    """What is done to one row, named by its address."""

    name: str
    prepare: Callable[[], None]
    equivalent: str | None = None


def faults() -> Iterator[RowFault]:
    """Two faults a row."""
    rows = _family().weights(None).rows
    for index, row in enumerate(rows):
        yield RowFault(f"drop `{row.address}`", _Dropped(index))
        other = _partner(rows, index)
        equivalent = TABLES if row.computed else None
        yield RowFault(
            f"read `{row.address}` from `{rows[other].sources[0]}` and the other way round",
            _Exchanged(index, other),
            equivalent,
        )


def _partner(rows: Sequence[Any], index: int) -> int:
    """The next row, in a circle, that is computed or not as this one and has the same last word."""
    leaf, computed = rows[index].address.rpartition(".")[2], rows[index].computed
    for other in chain(range(index + 1, len(rows)), range(index)):
        if rows[other].address.rpartition(".")[2] == leaf and rows[other].computed == computed:
            return other
    raise AssertionError(f"{rows[index].address} is like no other row")


def _family() -> Any:
    from importlib import import_module

    return import_module(FAMILY).FAMILY


def _install(change: Callable[[list[Any]], list[Any]]) -> None:
    """Let the family state the changed rows from now on."""
    family = _family()
    whole = family.weights(None)
    changed = replace(whole, rows=tuple(change(list(whole.rows))))
    object.__setattr__(family, "weights", lambda _: changed)


@dataclass(frozen=True)
class _Dropped:
    index: int

    def __call__(self) -> None:
        _install(lambda rows: rows[: self.index] + rows[self.index + 1 :])


@dataclass(frozen=True)
class _Exchanged:
    first: int
    second: int

    def __call__(self) -> None:
        def exchange(rows: list[Any]) -> list[Any]:
            first, second = rows[self.first], rows[self.second]
            rows[self.first] = replace(first, sources=second.sources)
            rows[self.second] = replace(second, sources=first.sources)
            return rows

        _install(exchange)
