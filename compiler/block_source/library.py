"""All block classes together: parameters, buffers and parts of a block, and the definitions it needs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple

from compiler.block_source.definitions import SUPER, Definition
from compiler.block_source.expressions import BUFFER, called, dtype_of, evaluate, is_buffer, is_stored
from compiler.block_source.torch_modules import NN_PARAMETERS, Shape, nn_shapes
from specs.graph import Block, Repeat
from specs.values import plain


class Member(NamedTuple):
    """What a constructor assigns: an attribute, its value, and what is called to make it, if anything is."""

    name: str
    value: ast.expr
    constructor: str


@dataclass(frozen=True)
class BlockLibrary:
    """Every definition of the block files, and the lines of each file that stand before its first."""

    definitions: Mapping[str, Definition]
    heads: Mapping[str, str]

    def imports(self, module: str) -> dict[str, str]:
        """What a block file imports from outside the block files: local name -> import line."""
        statements = ast.parse(self.heads[module]).body
        return dict(pair for statement in statements for pair in _imported(statement))

    def parameter_names(self, name: str) -> tuple[str, ...]:
        """The constructor's parameter names, in order; inherited where the class has no `__init__`."""
        if name.startswith("nn."):
            return NN_PARAMETERS.get(name, ())
        init = self.definitions[name].init
        if init is None:
            return self.parameter_names(self.definitions[name].base)
        return tuple(argument.arg for argument in init.args.args[1:])

    def shapes(self, block: Block) -> list[tuple[str, Shape]]:
        """(address below the block, shape) of every parameter and stored buffer, as a state dict has them.

        A list of equal parts is walked once and its addresses repeated.
        """
        numbers = {key: plain(value) for key, value in block.numbers.items()}
        if block.parts or any(isinstance(number, list) for number in numbers.values()):
            return self._shapes(block.name, numbers, block)
        return list(self._of_numbers(block.name, tuple(numbers.items())))

    @cached_property
    def _of_numbers(self) -> Callable[[str, tuple[tuple[str, Any], ...]], tuple[tuple[str, Shape], ...]]:
        """The shapes of a block without parts: layers and models mostly share theirs."""
        return lru_cache(maxsize=4096)(lambda name, numbers: tuple(self._shapes(name, dict(numbers), None)))

    def torch_base(self, name: str) -> str:
        """The torch.nn class that a class is, or comes from."""
        return name if name.startswith("nn.") else self.torch_base(self.definitions[name].base)

    def owners(self, classes: Iterable[str]) -> frozenset[str]:
        """Of classes, and those that theirs construct: the ones that own stored tensors."""
        return frozenset().union(*map(self._owners_of, classes))

    @cached_property
    def _owners_of(self) -> Callable[[str], frozenset[str]]:
        return cache(lambda name: frozenset(self._owners(name)))

    def buffers(self, block: Block) -> Iterator[tuple[str, Shape, str]]:
        """(address below the block, shape, dtype) of every buffer that is computed and not stored."""
        numbers = {key: plain(value) for key, value in block.numbers.items()}
        for member, value in self._members(block.name):
            if is_buffer(value) and not is_stored(value):
                yield member, evaluate(value.args[1], numbers), dtype_of(value.args[1])
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

    def _shapes(self, name: str, given: dict[str, Any], block: Block | None) -> list[tuple[str, Shape]]:
        if name.startswith("nn."):
            return list(nn_shapes(name, given).items())
        if self.definitions[name].init is None:
            return self._shapes(self.definitions[name].base, given, block)
        given = {**self.definitions[name].defaults, **given}
        found: list[tuple[str, Shape]] = []
        for member, value, constructor in self._in_order(name):
            if constructor == BUFFER:
                assert isinstance(value, ast.Call), "it is called"
                found += [(member, evaluate(value.args[1], given))] if is_stored(value) else []
            elif isinstance(value, ast.Name) and block is not None and value.id in block.parts:
                for prefixes, child in _children(member, block.parts[value.id], self._is_list(name)):
                    found += _below(prefixes, self.shapes(child))
            elif constructor == "nn.Parameter":
                assert isinstance(value, ast.Call), "it is called"
                found.append((member, evaluate(value.args[0], given)))
            elif isinstance(value, ast.Call):
                arguments = self._arguments(constructor, value, given)
                found += _below([member], self._shapes(constructor, arguments, None))
        return found

    @cached_property
    def _ordered(self) -> dict[str, tuple[Member, ...]]:
        """By class: what `_in_order` gives, as far as it was asked for."""
        return {}

    def _in_order(self, name: str) -> tuple[Member, ...]:
        """The members of a class in the order of its state dict."""
        if name not in self._ordered:
            members = sorted(self._members(name), key=_depth)
            self._ordered[name] = tuple(
                Member(member, value, called(value) if isinstance(value, ast.Call) else "")
                for member, value in members
            )
        return self._ordered[name]

    def _owners(self, name: str) -> Iterator[str]:
        if name.startswith("nn."):
            if name in NN_PARAMETERS:
                yield name
            return
        yield from self._owners(self.definitions[name].base)
        for member, value in self.definitions[name].members:
            if not isinstance(value, ast.Call) or member == SUPER:
                continue
            if called(value) == "nn.Parameter" or (is_buffer(value) and is_stored(value)):
                yield name
            elif not is_buffer(value):
                yield from self._owners(called(value))

    def _arguments(self, constructor: str, call: ast.Call, given: Mapping[str, Any]) -> dict[str, Any]:
        positional = zip(self.parameter_names(constructor), call.args, strict=False)
        arguments = {name: evaluate(value, given) for name, value in positional}
        return arguments | {k.arg: evaluate(k.value, given) for k in call.keywords if k.arg}

    def _is_list(self, name: str) -> bool:
        return self.torch_base(name) == "nn.ModuleList"

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


def _imported(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """(local name, import line) of what a statement imports from outside the block files."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            suffix = f" as {alias.asname}" if alias.asname else ""
            yield alias.asname or alias.name.partition(".")[0], f"import {alias.name}{suffix}"
    elif isinstance(statement, ast.ImportFrom) and statement.module:
        if statement.module.partition(".")[0] == "blocks":
            return
        for alias in statement.names:
            suffix = f" as {alias.asname}" if alias.asname else ""
            yield alias.asname or alias.name, f"from {statement.module} import {alias.name}{suffix}"


def _depth(member: tuple[str, ast.expr]) -> int:
    """A module's own parameters come first in its state dict, then its buffers, then what is inside it."""
    value = member[1]
    if is_buffer(value):
        return 1
    return 0 if isinstance(value, ast.Call) and called(value) == "nn.Parameter" else 2


def _below(prefixes: list[str], inside: list[tuple[str, Shape]]) -> list[tuple[str, Shape]]:
    """What is inside equal parts, once for each."""
    return [(f"{prefix}.{address}", shape) for prefix in prefixes for address, shape in inside]


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
