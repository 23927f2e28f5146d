"""The block files of this installation, taken apart into definitions; each is parsed when it is asked for."""

from __future__ import annotations

import re
from functools import cache
from itertools import takewhile
from pathlib import Path

import blocks
from compiler.block_source.definitions import Definition
from compiler.block_source.library import BlockLibrary

_DEFINES = re.compile(r"(?:class|def) (\w+)|(\w+)(?:: [^=]+)? = ")


@cache
def library() -> BlockLibrary:
    """The block files of this installation, read once."""
    definitions: dict[str, Definition] = {}
    heads: dict[str, str] = {}
    for file in sorted(Path(blocks.__file__).parent.glob("*.py")):
        if file.name == "__init__.py":
            continue
        text = file.read_text(encoding="utf-8")
        heads[file.stem], found = _taken_apart(text)
        for name, piece in found:
            assert name not in definitions, f"{name} is defined twice in blocks"
            definitions[name] = Definition(name, file.stem, piece)
    return BlockLibrary(definitions, heads)


def _taken_apart(text: str) -> tuple[str, list[tuple[str, str]]]:
    """What comes before the first definition, and (name, text up to the next one) of each.

    A definition begins in the first column, its decorators before it.
    """
    lines = text.splitlines()
    begins: list[tuple[str, int]] = []
    for index, line in enumerate(lines):
        found = _DEFINES.match(line)
        if found is not None:
            decorators = takewhile(lambda before: before.startswith("@"), reversed(lines[:index]))
            begins.append((found[1] or found[2], index - len(list(decorators))))
    ends = [*(index for _, index in begins), len(lines)]
    pieces = [
        (name, "\n".join(lines[begin:end])) for (name, begin), end in zip(begins, ends[1:], strict=True)
    ]
    return "\n".join(lines[: ends[0]]), pieces
