"""Lists of blocks that are one block with one number changed: written as a loop over its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from specs.graph import Block, Repeat
from specs.values import Value, plain

FEWEST = 3
"""Blocks that are written as a loop; two are as short by themselves."""

Path = tuple[str | int, ...]
"""Where a number is inside a block: names of parts, places in lists, and last its own name."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A number of which a loop gives the value."""

    name: str


@dataclass(frozen=True, slots=True)
class Series:
    """The blocks of a list: `block`, whose `variable` has each of `values`, in order."""

    block: Block
    variable: Variable
    values: tuple[Value, ...]


def series_of(repeats: tuple[Repeat, ...]) -> Series | None:
    """The loop that makes a list; None where its blocks are few, unlike, or differ in several numbers."""
    blocks = [repeat.block for repeat in repeats]
    if len(blocks) < FEWEST or any(int(repeat.count) != 1 for repeat in repeats):
        return None
    if any(_form(block) != _form(blocks[0]) for block in blocks):
        return None
    numbers = [dict(_numbers(block)) for block in blocks]
    changed = {path: tuple(plain(one[path]) for one in numbers) for path in numbers[0]}
    changed = {path: values for path, values in changed.items() if len({repr(v) for v in values}) > 1}
    if len(set(changed.values())) != 1 or len({path[-1] for path in changed}) != 1:
        return None
    first = next(iter(changed))
    variable = Variable(str(first[-1]))
    if variable in map(plain, numbers[0].values()):
        return None  # a loop around this one has it
    return Series(_with(blocks[0], changed, variable), variable, tuple(one[first] for one in numbers))


def _form(block: Block) -> object:
    """All there is to a block but the values of its numbers."""
    parts = {
        name: _form(part)
        if isinstance(part, Block)
        else [(plain(repeat.count), _form(repeat.block)) for repeat in part]
        for name, part in block.parts.items()
    }
    return block.name, list(block.numbers), parts


def _numbers(block: Block) -> Iterator[tuple[Path, Value]]:
    for name, value in block.numbers.items():
        yield (name,), value
    for name, part in block.parts.items():
        inside = {(): part} if isinstance(part, Block) else {(i,): one.block for i, one in enumerate(part)}
        for place, child in inside.items():
            yield from (((name, *place, *path), value) for path, value in _numbers(child))


def _with(block: Block, changed: Mapping[Path, object], variable: Variable) -> Block:
    """The block with a variable for the numbers that change."""

    def inside(child: Block, *place: str | int) -> Block:
        size = len(place)
        below = {path[size:]: values for path, values in changed.items() if path[:size] == place}
        return _with(child, below, variable)

    numbers = {
        name: Value(variable) if (name,) in changed else value for name, value in block.numbers.items()
    }
    parts = {
        name: inside(part, name)
        if isinstance(part, Block)
        else tuple(replace(one, block=inside(one.block, name, i)) for i, one in enumerate(part))
        for name, part in block.parts.items()
    }
    return Block(block.name, numbers, parts)
