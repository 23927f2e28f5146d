"""Definitions of block files are found without parsing the files; a parse of the whole finds the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import blocks
from compiler.block_source import library
from compiler.block_source.files import _taken_apart

FILES = sorted(file for file in Path(blocks.__file__).parent.glob("*.py") if file.name != "__init__.py")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_definition_is_found_whole(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    found = {name: one.source for name, one in library().definitions.items() if one.module == file.stem}
    assert found == dict(_defined(text))


def _defined(text: str) -> Iterator[tuple[str, str]]:
    """(name, lines) of what a file defines at its top, by its syntax tree."""
    for statement in ast.parse(text).body:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                pass
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                pass
            case _:
                continue
        decorators = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
        yield name, "\n".join(text.splitlines()[first - 1 : statement.end_lineno])


def test_a_definition_takes_its_decorators_and_comments_along() -> None:
    text = '''"""Words.

"""

LIMIT: int = 3
"""What it is."""


@first
@second
class Layer:
    # why
    size = 2


def call() -> None: ...
'''
    head, pieces = _taken_apart(text)
    assert head.startswith('"""Words.')
    assert [name for name, _ in pieces] == ["LIMIT", "Layer", "call"]
    assert pieces[1][1].startswith("@first\n@second\nclass Layer:\n    # why\n")
    assert dict(_defined(text)).keys() == dict(pieces).keys()
