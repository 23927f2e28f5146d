"""Constructor calls as formatted Python: the factory written out with literal numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from compiler.block_source import BlockLibrary
from compiler.emission.series import Series, Variable, series_of
from specs.graph import Block, Repeat
from specs.values import Value, plain

LINE_WIDTH = 110
INDENT = "    "


def literal(value: Any) -> str:
    """A plain value as Python source; strings are quoted and escaped, whatever they hold."""
    if isinstance(value, Variable):
        return value.name
    if isinstance(value, str):
        return '"' + repr("'" + value)[2:-1].replace('"', '\\"') + '"'
    assert isinstance(value, bool | int | float), f"no literal for {value!r}"
    return repr(value)


class Factory:
    """Writes the construction of blocks; numbers that the spec set are traced to their field."""

    def __init__(self, library: BlockLibrary, explicit: Collection[str]) -> None:
        self._library = library
        self._explicit = explicit

    def assignment(self, target: str, block: Block, indent: int) -> list[str]:
        """Lines of `target = block(...)`."""
        return self._statement(f"{target} = ", block, indent, "")

    def _statement(self, head: str, block: Block, indent: int, tail: str) -> list[str]:
        pad = INDENT * indent
        if not any(isinstance(part, tuple) or part.parts for part in block.parts.values()):
            line = f"{pad}{head}{self._inline(block)}{tail}"
            if len(line) <= LINE_WIDTH:
                return self._commented(line, self._origins(block), pad)
        lines = [f"{pad}{head}{block.name}("]
        arguments = list(self._arguments(block))
        for name, value in arguments:
            key = f"{name}=" if name else ""
            comma = "" if len(arguments) == 1 and isinstance(value, tuple) else ","
            if isinstance(value, Value):
                text = f"{pad}{INDENT}{key}{literal(plain(value))}{comma}"
                lines += self._commented(text, self._own_origins([value]), pad + INDENT)
            elif isinstance(value, Block):
                lines += self._statement(key, value, indent + 1, comma)
            else:
                lines += self._list(key, value, indent + 1, comma)
        return [*lines, f"{pad}){tail}"]

    def _list(self, head: str, repeats: tuple[Repeat, ...], indent: int, tail: str) -> list[str]:
        pad = INDENT * indent
        lines = [f"{pad}{head}["]
        if (series := series_of(repeats)) is not None:
            lines += [*self._statement("", series.block, indent + 1, ""), *self._loop(series, indent + 1)]
            return [*lines, f"{pad}]{tail}"]
        for repeat in repeats:
            count = int(repeat.count)
            if count == 1:
                lines += self._statement("", repeat.block, indent + 1, ",")
                continue
            loop = f"for _ in range({count})"
            if len(repeats) == 1:
                lines += self._statement("", repeat.block, indent + 1, "")
                lines += self._commented(
                    f"{pad}{INDENT}{loop}", self._own_origins([repeat.count]), pad + INDENT
                )
            else:
                lines.append(f"{pad}{INDENT}*(")
                lines += self._statement("", repeat.block, indent + 2, "")
                lines += self._commented(
                    f"{pad}{INDENT * 2}{loop}", self._own_origins([repeat.count]), pad + INDENT * 2
                )
                lines.append(f"{pad}{INDENT}),")
        return [*lines, f"{pad}]{tail}"]

    def _loop(self, series: Series, indent: int) -> list[str]:
        """What a comprehension goes through, a value a line where they are many."""
        pad, values = INDENT * indent, [literal(plain(value)) for value in series.values]
        origins = self._own_origins(list(series.values))
        head = f"{pad}for {series.variable.name} in ("
        line = f"{head}{', '.join(values)})"
        if len(line) <= LINE_WIDTH:
            return self._commented(line, origins, pad)
        return [
            *self._commented(head, origins, pad),
            *(f"{pad}{INDENT}{value}," for value in values),
            f"{pad})",
        ]

    def _arguments(self, block: Block) -> Iterator[tuple[str, Value | Block | tuple[Repeat, ...]]]:
        """(keyword or nothing, value) in the order of the constructor's parameters."""
        given = {**block.numbers, **block.parts}
        order = [name for name in self._library.parameter_names(block.name) if name in given]
        order += [name for name in given if name not in order]
        positional = block.name.startswith("nn.") or self._library.torch_base(block.name) == "nn.ModuleList"
        for index, name in enumerate(order):
            bare = positional and index == 0 and self._library.parameter_names(block.name)[:1] == (name,)
            yield ("" if bare else name), given[name]

    def _inline(self, block: Block) -> str:
        parts = []
        for name, value in self._arguments(block):
            assert not isinstance(value, tuple), "lists are written over several lines"
            text = self._inline(value) if isinstance(value, Block) else literal(plain(value))
            parts.append(f"{name}={text}" if name else text)
        return f"{block.name}({', '.join(parts)})"

    def _origins(self, block: Block) -> list[str]:
        values = [value for inner in block.walk() for value in inner.numbers.values()]
        return self._own_origins(values)

    def _own_origins(self, values: list[Value]) -> list[str]:
        return list(dict.fromkeys(v.origin for v in values if v.origin and v.origin in self._explicit))

    @staticmethod
    def _commented(line: str, origins: list[str], pad: str) -> list[str]:
        if not origins:
            return [line]
        comment = "# " + ", ".join(origins)
        if len(line) + 2 + len(comment) <= LINE_WIDTH:
            return [f"{line}  {comment}"]
        return [f"{pad}# {origin}" for origin in origins] + [line]
