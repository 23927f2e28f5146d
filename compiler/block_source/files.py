"""The block files of this installation, taken apart into definitions and imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from compiler.block_source.definitions import Definition
from compiler.block_source.library import BlockLibrary


@cache
def library() -> BlockLibrary:
    """The block files of this installation, read once."""
    definitions: dict[str, Definition] = {}
    imports: dict[str, dict[str, str]] = {}
    for file in sorted(files("blocks").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".py") or file.name == "__init__.py":
            continue
        text = file.read_text(encoding="utf-8")
        module = file.name.removesuffix(".py")
        imports[module] = {}
        lines = text.splitlines()
        for statement in ast.parse(text).body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                imports[module].update(_imported(statement))
                continue
            name = _defined_name(statement)
            if name is None:
                continue
            assert name not in definitions, f"{name} is defined twice in blocks"
            definitions[name] = Definition(
                name, module, statement, _segment(statement, lines), frozenset(_names(statement))
            )
    return BlockLibrary(definitions, imports)


def _imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """(local name, import line) for imports from outside the block files."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            suffix = f" as {alias.asname}" if alias.asname else ""
            yield alias.asname or alias.name.partition(".")[0], f"import {alias.name}{suffix}"
    elif statement.module and statement.module.partition(".")[0] != "blocks":
        for alias in statement.names:
            suffix = f" as {alias.asname}" if alias.asname else ""
            yield alias.asname or alias.name, f"from {statement.module} import {alias.name}{suffix}"


def _defined_name(statement: ast.stmt) -> str | None:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return None


def _segment(statement: ast.stmt, lines: list[str]) -> str:
    """The statement's own lines, decorators included; comments inside are kept."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    assert statement.end_lineno is not None
    return "\n".join(lines[first - 1 : statement.end_lineno])


def _names(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield node.id
