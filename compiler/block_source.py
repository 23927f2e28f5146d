"""Reads `blocks/*.py` as text: what each class constructs, and the source it is copied from.

A class's `__init__` is straight-line: it assigns torch.nn constructors, buffers, numbers and built
parts. Reading it gives parameter names and shapes without importing torch. The few torch.nn
constructors that own parameters are tabulated here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, TypeGuard

from specs.graph import Block, Repeat
from specs.values import plain

Shape = tuple[int, ...]

SUPER = ""
"""In place of an attribute: an argument of the constructor that is inherited. A list's are its parts."""

NN_PARAMETERS: dict[str, tuple[str, ...]] = {
    "nn.Conv1d": (
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
        "bias",
    ),
    "nn.Conv2d": ("in_channels", "out_channels", "kernel_size", "stride"),
    "nn.Embedding": ("num_embeddings", "embedding_dim", "padding_idx"),
    "nn.GroupNorm": ("num_groups", "num_channels", "eps", "affine"),
    "nn.LayerNorm": ("normalized_shape", "eps", "elementwise_affine", "bias"),
    "nn.Linear": ("in_features", "out_features", "bias"),
}
"""Positional parameters of the torch.nn constructors that own tensors."""


def nn_shapes(name: str, given: Mapping[str, Any]) -> dict[str, Shape]:
    """Parameters of a torch.nn constructor, in the order torch registers them; none if not tabulated."""
    match name:
        case "nn.Linear":
            shapes: dict[str, Shape] = {"weight": (given["out_features"], given["in_features"])}
            return shapes | ({"bias": (given["out_features"],)} if given.get("bias", True) else {})
        case "nn.Conv1d":
            inner = given["in_channels"] // given.get("groups", 1)
            shapes = {"weight": (given["out_channels"], inner, given["kernel_size"])}
            return shapes | ({"bias": (given["out_channels"],)} if given.get("bias", True) else {})
        case "nn.Conv2d":
            shapes = {"weight": (given["out_channels"], given["in_channels"], *given["kernel_size"])}
            return shapes | {"bias": (given["out_channels"],)}
        case "nn.Embedding":
            return {"weight": (given["num_embeddings"], given["embedding_dim"])}
        case "nn.GroupNorm":
            return {"weight": (given["num_channels"],), "bias": (given["num_channels"],)}
        case "nn.LayerNorm":
            shapes = {"weight": (given["normalized_shape"],)}
            return shapes | ({"bias": (given["normalized_shape"],)} if given.get("bias", True) else {})
    return {}


@dataclass(frozen=True)
class Definition:
    """A top-level class, function or constant of a block file."""

    name: str
    module: str
    node: ast.stmt
    source: str
    uses: frozenset[str]

    @property
    def is_class(self) -> bool:
        """Whether this is a class."""
        return isinstance(self.node, ast.ClassDef)

    @cached_property
    def base(self) -> str:
        """Of a class: the first it inherits from."""
        assert isinstance(self.node, ast.ClassDef), f"{self.name} is not a class"
        assert self.node.bases, f"{self.name} has no base class"
        return _dotted(self.node.bases[0])

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


@dataclass(frozen=True)
class BlockLibrary:
    """Every definition of the block files, and the imports each file makes from outside them."""

    definitions: Mapping[str, Definition]
    imports: Mapping[str, Mapping[str, str]]

    def parameter_names(self, name: str) -> tuple[str, ...]:
        """The constructor's parameter names, in order; inherited where the class has no `__init__`."""
        if name.startswith("nn."):
            return NN_PARAMETERS.get(name, ())
        init = self.definitions[name].init
        if init is None:
            return self.parameter_names(self.definitions[name].base)
        return tuple(argument.arg for argument in init.args.args[1:])

    def shapes(self, block: Block) -> Iterator[tuple[str, Shape]]:
        """(address below the block, shape) of every parameter and stored buffer, as a state dict has them.

        A list of equal parts is walked once and its addresses repeated.
        """
        numbers = {key: plain(value) for key, value in block.numbers.items()}
        yield from self._shapes(block.name, numbers, block)

    def initialised_by(self, name: str) -> str:
        """The torch.nn class that decides how a block without own parameters starts (`nn.Linear`, ...)."""
        return name if name.startswith("nn.") else self.initialised_by(self.definitions[name].base)

    def owners(self, block: Block) -> Iterator[str]:
        """The classes that own stored tensors of a block: of torch.nn, or those that make their own."""
        for inside in block.walk():
            yield from self._owners(inside.name)

    def buffers(self, block: Block) -> Iterator[tuple[str, Shape, str]]:
        """(address below the block, shape, dtype) of every buffer that is computed and not stored."""
        numbers = {key: plain(value) for key, value in block.numbers.items()}
        for member, value in self._members(block.name):
            if _is_buffer(value) and not _is_stored(value):
                yield member, _evaluate(value.args[1], numbers), _dtype(value.args[1])
        for part, built in block.parts.items():
            for prefixes, child in _children(part, built, self._is_list(block.name)):
                inside = list(self.buffers(child))
                for prefix in prefixes:
                    yield from ((f"{prefix}.{address}", shape, dtype) for address, shape, dtype in inside)

    def closure(self, names: list[str]) -> list[Definition]:
        """The definitions a set of classes needs, each after those it uses."""
        ordered: dict[str, Definition] = {}

        def visit(name: str) -> None:
            definition = self.definitions.get(name)
            if definition is None or name in ordered:
                return
            for used in self.definitions:
                if used in definition.uses and used != name:
                    visit(used)
            ordered[name] = definition

        for name in names:
            visit(name)
        return list(ordered.values())

    def _shapes(self, name: str, given: dict[str, Any], block: Block | None) -> Iterator[tuple[str, Shape]]:
        if name.startswith("nn."):
            yield from nn_shapes(name, given).items()
            return
        if self.definitions[name].init is None:
            base = self.definitions[name].base
            yield from self._shapes(base, given, block)
            return
        given = {**self.definitions[name].defaults, **given}
        for member, value in sorted(self._members(name), key=_depth):
            if _is_buffer(value):
                if _is_stored(value):
                    yield member, _evaluate(value.args[1], given)
                continue
            if isinstance(value, ast.Name) and block is not None and value.id in block.parts:
                for prefixes, child in _children(member, block.parts[value.id], self._is_list(name)):
                    inside = list(self.shapes(child))
                    for prefix in prefixes:
                        yield from ((f"{prefix}.{address}", shape) for address, shape in inside)
            elif isinstance(value, ast.Call):
                constructor = _called(value)
                arguments = self._arguments(constructor, value, given)
                if constructor == "nn.Parameter":
                    yield member, _evaluate(value.args[0], given)
                    continue
                for address, shape in self._shapes(constructor, arguments, None):
                    yield f"{member}.{address}", shape

    def _owners(self, name: str) -> Iterator[str]:
        if name.startswith("nn."):
            if name in NN_PARAMETERS:
                yield name
            return
        yield from self._owners(self.definitions[name].base)
        for member, value in self.definitions[name].members:
            if not isinstance(value, ast.Call) or member == SUPER:
                continue
            if _called(value) == "nn.Parameter" or (_is_buffer(value) and _is_stored(value)):
                yield name
            elif not _is_buffer(value):
                yield from self._owners(_called(value))

    def _arguments(self, constructor: str, call: ast.Call, given: Mapping[str, Any]) -> dict[str, Any]:
        if constructor == "nn.Parameter":
            return {}
        positional = zip(self.parameter_names(constructor), call.args, strict=False)
        arguments = {name: _evaluate(value, given) for name, value in positional}
        return arguments | {k.arg: _evaluate(k.value, given) for k in call.keywords if k.arg}

    def _is_list(self, name: str) -> bool:
        return self.initialised_by(name) == "nn.ModuleList"

    def _members(self, name: str) -> tuple[tuple[str, ast.expr], ...]:
        """The members of a class, after those of the class whose constructor its own passes arguments to."""
        if name.startswith("nn."):
            return ()
        definition = self.definitions[name]
        if definition.init is None:
            return self._members(definition.base)
        inherited = tuple(argument for member, argument in definition.members if member == SUPER)
        if not inherited or definition.base.startswith("nn."):
            return definition.members
        passed = [argument.id for argument in inherited if isinstance(argument, ast.Name)]
        assert len(passed) == len(inherited), f"{name} passes its arguments on as they are"
        assert passed == list(self.parameter_names(definition.base))[: len(passed)], f"{name}, by their names"
        own = (member for member in definition.members if member[0] != SUPER)
        return (*self._members(definition.base), *own)


def _members(init: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    for statement in init.body:
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)], value=value):
                yield attribute, value
            case ast.Expr(value=ast.Call(args=[ast.Constant(value=str(buffer)), *_]) as call) if (
                _called(call) == "self.register_buffer"
            ):
                yield buffer, call
            case ast.Expr(value=ast.Call(args=arguments) as call) if _called(call) == "super.__init__":
                yield from ((SUPER, argument) for argument in arguments)


def _is_buffer(value: ast.expr) -> TypeGuard[ast.Call]:
    return isinstance(value, ast.Call) and _called(value) == "self.register_buffer"


def _depth(member: tuple[str, ast.expr]) -> int:
    """A module's own parameters come first in its state dict, then its buffers, then what is inside it."""
    value = member[1]
    if _is_buffer(value):
        return 1
    return 0 if isinstance(value, ast.Call) and _called(value) == "nn.Parameter" else 2


def _is_stored(call: ast.Call) -> bool:
    """Whether a buffer is kept with the parameters, as torch has it unless told otherwise."""
    return not any(keyword.arg == "persistent" for keyword in call.keywords)


def _children(
    member: str, built: Block | tuple[Repeat, ...], is_list: bool
) -> Iterator[tuple[list[str], Block]]:
    """(addresses, block) of every distinct block of a part; lists number theirs."""
    if isinstance(built, Block):
        yield [member], built
        return
    index = 0
    for repeat in built:
        count = int(repeat.count)
        numbers = range(index, index + count)
        yield [str(n) if is_list or not member else f"{member}.{n}" for n in numbers], repeat.block
        index += count


def _called(call: ast.Call) -> str:
    """Dotted name of what is called; `super().__init__` reads as `super.__init__`."""
    return _dotted(call.func)


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
        case ast.Call(func=function):
            return _dotted(function)
    raise AssertionError(f"block constructors call what has a name; cannot read {ast.unparse(node)}")


def _evaluate(node: ast.expr, given: Mapping[str, Any]) -> Any:
    """Value of a constructor argument: constants, parameters, arithmetic, `torch.empty(sizes)`."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return given.get(name)
        case ast.Tuple(elts=items):
            return tuple(_evaluate(item, given) for item in items)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _evaluate(left, given) + _evaluate(right, given)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _evaluate(left, given) - _evaluate(right, given)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _evaluate(left, given) * _evaluate(right, given)
        case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
            return _evaluate(left, given) // _evaluate(right, given)
        case ast.Call(args=sizes) if _called(node) == "torch.empty":
            return tuple(_evaluate(size, given) for size in sizes)
    raise AssertionError(f"block constructors are straight-line; cannot read {ast.unparse(node)}")


def _dtype(node: ast.expr) -> str:
    """The dtype of `torch.empty(sizes, dtype=torch.x)`; that of parameters where it names none."""
    assert isinstance(node, ast.Call), f"a buffer begins as torch.empty(...), not {ast.unparse(node)}"
    named = next((k.value for k in node.keywords if k.arg == "dtype"), None)
    return "float32" if named is None else _dotted(named).removeprefix("torch.")


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
