"""What a constructor's statements say: what is called, its value or shape, and what a buffer is."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, TypeGuard

BUFFER = "self.register_buffer"
"""What registers one."""


def is_buffer(value: ast.expr) -> TypeGuard[ast.Call]:
    """Whether an expression registers a buffer."""
    return isinstance(value, ast.Call) and called(value) == BUFFER


def is_stored(call: ast.Call) -> bool:
    """Whether a buffer is kept with the parameters, as torch has it unless told otherwise."""
    return not any(keyword.arg == "persistent" for keyword in call.keywords)


def called(call: ast.Call) -> str:
    """Dotted name of what is called; `super().__init__` reads as `super.__init__`."""
    return dotted(call.func)


def dotted(node: ast.expr) -> str:
    """The name that an expression is, or calls, with its dots."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{dotted(value)}.{name}"
        case ast.Call(func=function):
            return dotted(function)
    raise AssertionError(f"block constructors call what has a name; cannot read {ast.unparse(node)}")


def evaluate(node: ast.expr, given: Mapping[str, Any]) -> Any:
    """Value of a constructor argument: constants, parameters, arithmetic, `torch.empty(sizes)`."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return given.get(name)
        case ast.Tuple(elts=items):
            return tuple(evaluate(item, given) for item in items)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return evaluate(left, given) + evaluate(right, given)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return evaluate(left, given) - evaluate(right, given)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return evaluate(left, given) * evaluate(right, given)
        case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
            return evaluate(left, given) // evaluate(right, given)
        case ast.Call(args=sizes) if called(node) == "torch.empty":
            return tuple(evaluate(size, given) for size in sizes)
    raise AssertionError(f"block constructors are straight-line; cannot read {ast.unparse(node)}")


def dtype_of(node: ast.expr) -> str:
    """The dtype of `torch.empty(sizes, dtype=torch.x)`; that of parameters where it names none."""
    assert isinstance(node, ast.Call), f"a buffer begins as torch.empty(...), not {ast.unparse(node)}"
    named = next((k.value for k in node.keywords if k.arg == "dtype"), None)
    return "float32" if named is None else dotted(named).removeprefix("torch.")
