"""A class, function or constant of a block file, and what a class's constructor assigns."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from compiler.block_source.expressions import called, dotted

SUPER = ""
"""In place of an attribute: an argument of the constructor that is inherited. A list's are its parts."""


@dataclass(frozen=True)
class Definition:
    """A top-level class, function or constant of a block file; `text` has it first, and what stands after it.

    It is parsed when something is asked of it: most files of an installation have no part in a spec.
    """

    name: str
    module: str
    text: str

    @cached_property
    def node(self) -> ast.stmt:
        """Its syntax tree."""
        return ast.parse(self.text).body[0]

    @cached_property
    def source(self) -> str:
        """Its own lines, decorators included; comments inside are kept."""
        return "\n".join(self.text.splitlines()[: self.node.end_lineno])

    @cached_property
    def uses(self) -> frozenset[str]:
        """Every name in it."""
        return frozenset(node.id for node in ast.walk(self.node) if isinstance(node, ast.Name))

    @cached_property
    def base(self) -> str:
        """Of a class: the first it inherits from."""
        assert isinstance(self.node, ast.ClassDef), f"{self.name} is not a class"
        assert self.node.bases, f"{self.name} has no base class"
        return dotted(self.node.bases[0])

    @cached_property
    def init(self) -> ast.FunctionDef | None:
        """Of a class: its own constructor."""
        assert isinstance(self.node, ast.ClassDef), f"{self.name} is not a class"
        body = self.node.body
        return next((s for s in body if isinstance(s, ast.FunctionDef) and s.name == "__init__"), None)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Of a class: what its own constructor's arguments are where they are left out."""
        if self.init is None or not self.init.args.defaults:
            return {}
        arguments = self.init.args.args[-len(self.init.args.defaults) :]
        return {
            argument.arg: ast.literal_eval(default)
            for argument, default in zip(arguments, self.init.args.defaults, strict=True)
        }

    @cached_property
    def members(self) -> tuple[tuple[str, ast.expr], ...]:
        """(attribute, what its own constructor assigns) in order; `SUPER` for what goes to another's."""
        return tuple(_members(self.init)) if self.init is not None else ()


def _members(init: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    for statement in init.body:
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)], value=value):
                yield attribute, value
            case ast.Expr(value=ast.Call(args=[ast.Constant(value=str(buffer)), *_]) as call) if (
                called(call) == "self.register_buffer"
            ):
                yield buffer, call
            case ast.Expr(value=ast.Call(args=arguments) as call) if called(call) == "super.__init__":
                yield from ((SUPER, argument) for argument in arguments)
