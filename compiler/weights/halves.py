"""What a checkpoint of a whole model stores for the half that a spec leaves out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Folder, Source
from compiler.diagnostics.model import CrossloomError
from compiler.weights.table import WeightTable
from specs.family import Family
from specs.values import View
from specs.weights import Dialect, WeightMap, belongs, generalise

_NUMBER = "{i}"


def absent_half(family: Family, role: str, config: Mapping[str, Any], source: Source) -> list[str]:
    """Patterns for `ignore:` of the tensors that a lone encoder or decoder does not read.

    They follow from the family's table. Where the checkpoint is on this machine, its names tell the
    spelling, and which of the patterns it has tensors for.
    """
    table = family.weights(View({**family.config().model_dump(), **config}, f"{role}.config"))
    return absent_patterns(table, role, _stored(source))


def absent_patterns(table: WeightMap, role: str, names: Collection[str] | None) -> list[str]:
    """The same from a family's table and the stored names, or in the published spelling without them."""
    kept: list[str] = []
    absent: list[str] = []
    for row in table.rows:
        (kept if belongs(row.address, role) else absent).extend((*row.sources, *row.copies))
    spelling = _spelling(table, kept, names or ())
    patterns = _patterns([spelling.spell(name) for name in absent], [spelling.spell(name) for name in kept])
    if names is None:
        return patterns
    return [pattern for pattern in patterns if any(fnmatchcase(name, pattern) for name in names)]


def _spelling(table: WeightMap, wanted: Collection[str], names: Collection[str]) -> Dialect:
    """The dialect in which most of the patterns in `wanted` are among the stored names."""
    known = {generalise(name)[0] for name in names}
    return max(table.dialects, key=lambda one: sum(one.spell(name) in known for name in wanted))


def untrained(family: Family, role: str, table: WeightTable, source: Source) -> list[str]:
    """Those of the family's patterns for `fresh:` that a local checkpoint has no tensors for.

    A parameter that is tied to another starts with it.
    """
    names = _stored(source)
    if names is None or not family.untrained:
        return []
    needed = {row.address: (*row.sources, *row.copies) for row in table.of(role) if row.status == "loaded"}
    spelling = _spelling(table.maps[role], [generalise(one)[0] for one in chain(*needed.values())], names)
    lost = []
    for pattern in family.untrained:
        wanted = [stored for address, stored in needed.items() if fnmatchcase(address, pattern)]
        if wanted and not any(spelling.spell(name) in names for name in chain(*wanted)):
            lost.append(pattern)
    return lost


def class_above(family: Family, role: str, config: Mapping[str, Any], source: Source) -> str | None:
    """The published class with the half below a head, if config.json names one and the head is stored."""
    half = family.halves.get(role)
    named = (config.get("architectures") or [None])[0]
    if half is None or named not in half.heads:
        return None
    names = _stored(source)
    is_there = names is None or any(generalise(name)[0] in half.heads[named] for name in names)
    return str(named) if is_there else None


def _stored(source: Source) -> Collection[str] | None:
    """The names a local checkpoint stores; None where they are not at hand."""
    if isinstance(source, Folder):
        with suppress(CrossloomError):  # an unreadable checkpoint is reported where it is verified or loaded
            return read_checkpoint(source).tensors
    return None


def _patterns(absent: Iterable[str], kept: list[str]) -> list[str]:
    """As few patterns as match all of `absent` and none of `kept`."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(absent):
        if name not in kept:
            groups.setdefault(_stem(name, kept), []).append(name)
    return [
        f"{stem}.*" if len(names) > 1 else names[0].replace(_NUMBER, "*") for stem, names in groups.items()
    ]


def _stem(name: str, kept: list[str]) -> str:
    """The shortest path that leads to `name` and to none of `kept`."""
    steps = name.split(".")
    for length in range(1, len(steps)):
        stem = ".".join(steps[:length])
        if not any(other.startswith(f"{stem}.") for other in kept):
            return stem
    return name
