"""The pickle inside a `.bin`, interpreted without executing anything.

A pickle is a program for a stack machine that can call any importable function. This machine knows no
functions: it keeps the few names that `torch.save` writes for a dictionary of tensors as plain values, and
applies its own rules to them. Whatever else a pickle asks for is refused by name.
Opcodes are decoded, and documented, by the standard library's `pickletools`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from compiler.checkpoint.dtypes import QUANTISED_STORAGES, STORAGES

_INTEGER_LIMIT = 2**63


class Refused(Exception):
    """The pickle is malformed (XL509), wants more than tensors (XL510) or an unknown dtype (XL517)."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class Global(NamedTuple):
    """A function or class the pickle names; never imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class PickledStorage(NamedTuple):
    """A flat run of `length` elements, stored in the zip member `data/<key>`."""

    key: str
    dtype: str
    length: int


@dataclass(frozen=True, slots=True)
class PickledTensor:
    """A view of a storage; offset and strides count elements."""

    storage: PickledStorage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


ORDERED_DICT = Global("collections", "OrderedDict")
REBUILD_TENSOR = Global("torch._utils", "_rebuild_tensor_v2")
REBUILD_PARAMETER = Global("torch._utils", "_rebuild_parameter")
SIZE = Global("torch", "Size")
_FUNCTIONS = frozenset({ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, SIZE})
_MARK = object()
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_TEXTS = {
    "UNICODE",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
}
_PUSHES_ARGUMENT = _NUMBERS | _TEXTS | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
_PUSHES_VALUE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: _MARK,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}


def read_pickle(data: bytes) -> Any:
    """The value a pickle builds out of dicts, lists, tuples, scalars and `PickledTensor`s.

    Raises `Refused`.
    """
    try:
        return _Machine().run(data)
    except (IndexError, KeyError, ValueError, TypeError, RecursionError) as malformed:
        raise Refused("XL509", f"its pickle is malformed ({type(malformed).__name__})") from None


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                if len(self.stack) != 1:
                    raise ValueError("values left over")
                return self.stack.pop()
            self.step(opcode.name, argument)
        raise ValueError("no STOP")

    def step(self, opcode: str, argument: Any) -> None:
        """Carry out one instruction."""
        stack = self.stack
        if opcode in _PUSHES_ARGUMENT:
            if isinstance(argument, int) and not -_INTEGER_LIMIT <= argument < _INTEGER_LIMIT:
                raise ValueError("an integer beyond 64 bits")
            stack.append(argument)
        elif opcode in _PUSHES_VALUE:
            stack.append(_PUSHES_VALUE[opcode]())
        elif opcode in {"PUT", "BINPUT", "LONG_BINPUT"}:
            self.memo[argument] = stack[-1]
        elif opcode == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif opcode in {"GET", "BINGET", "LONG_BINGET"}:
            stack.append(self.memo[argument])
        elif opcode not in {"PROTO", "FRAME"} and not self.contain(opcode):
            self.construct(opcode, argument)

    def contain(self, opcode: str) -> bool:
        """Carry out an instruction about tuples, lists, dicts; False when it is none."""
        match opcode:
            case "TUPLE":
                self.stack.append(tuple(self.above_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self.stack.append(tuple(self.popped(int(opcode[-1]))))
            case "LIST":
                self.stack.append(self.above_mark())
            case "DICT":
                items = self.above_mark()
                self.stack.append({})
                self.update(items)
            case "APPEND":
                self.extend(self.popped(1))
            case "APPENDS":
                self.extend(self.above_mark())
            case "SETITEM":
                self.update(self.popped(2))
            case "SETITEMS":
                self.update(self.above_mark())
            case _:
                return False
        return True

    def construct(self, opcode: str, argument: Any) -> None:
        """Carry out an instruction that names a global or applies one; refuse any other."""
        match opcode:
            case "GLOBAL":
                module, _, name = argument.partition(" ")
                self.stack.append(_allowed(Global(module, name)))
            case "STACK_GLOBAL":
                module, name = self.popped(2)
                self.stack.append(_allowed(Global(str(module), str(name))))
            case "BINPERSID":
                self.stack.append(_storage(*self.popped(1)))
            case "REDUCE":
                self.stack.append(_apply(*self.popped(2)))
            case "BUILD":
                # A module's state dict carries its versions in an attribute, which nothing here reads.
                target, state = self.popped(2)
                if not isinstance(target, dict) or not isinstance(state, dict):
                    _refuse("setting the state of an object")
                self.stack.append(target)
            case _:
                _refuse(f"the pickle instruction {opcode}")

    def popped(self, count: int) -> list[Any]:
        """Take `count` values off the stack, deepest first."""
        values = [self.stack.pop() for _ in range(count)]
        if any(value is _MARK for value in values):
            raise ValueError("a mark in place of a value")
        return values[::-1]

    def above_mark(self) -> list[Any]:
        """Take the values above the latest mark, and the mark."""
        values = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ValueError("appending to something that is no list")
        target.extend(values)

    def update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise ValueError("setting items of something that is no dict")
        _put(target, items)


def _put(target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    """Set keys and values that alternate in `items`; a key twice is malformed, as no dict was pickled so."""
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key, str | int | float | bytes | None):
            _refuse(f"a dictionary key of type {type(key).__name__}")
        if key in target:
            raise Refused("XL509", f"its pickle holds the key {key!a:.200} twice")
        target[key] = value
    return target


def _allowed(named: Global) -> Global:
    if named in _FUNCTIONS or (named.module == "torch" and named.name in STORAGES):
        return named
    if named.module == "torch" and named.name in QUANTISED_STORAGES:
        raise Refused("XL517", f"it holds quantised tensors (`{named}`)")
    _refuse(f"`{named}`")


def _storage(identifier: Any) -> PickledStorage:
    """A storage from its persistent id: ("storage", class, key, device, element count)."""
    match identifier:
        case ("storage", Global("torch", name), str(key), str(), int(length)) if (
            name in STORAGES and length >= 0
        ):
            return PickledStorage(key, STORAGES[name], length)
    raise ValueError("a persistent id that is no storage")


def _apply(function: Any, arguments: Any) -> Any:
    """Apply one of the known names, by the rules of this file."""
    if not isinstance(arguments, tuple):
        raise ValueError("arguments that are no tuple")
    match (function, *arguments):
        case (Global() as named,) if named == ORDERED_DICT:
            return {}
        case (Global() as named, list(pairs)) if named == ORDERED_DICT:
            if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
                raise ValueError("an OrderedDict of something else than pairs")
            return _put({}, [item for pair in pairs for item in pair])
        case (Global() as named, tuple(shape)) if named == SIZE:
            return shape
        case (Global() as named, PickledStorage() as storage, offset, shape, strides, bool(), {}, *rest) if (
            named == REBUILD_TENSOR and len(rest) <= 1
        ):
            if not (
                _counts(shape) and _counts(strides) and _counts((offset,)) and len(shape) == len(strides)
            ):
                raise ValueError("a tensor whose shape or strides are no sizes")
            return PickledTensor(storage, offset, shape, strides)
        case (Global() as named, PickledTensor() as tensor, bool(), {}) if named == REBUILD_PARAMETER:
            return tensor
    if isinstance(function, Global):
        _refuse(f"`{function}` with arguments that torch.save does not write")
    _refuse("a call of something that is no function")


def _counts(value: Any) -> bool:
    return isinstance(value, tuple) and all(type(item) is int and item >= 0 for item in value)


def _refuse(wanted: str) -> NoReturn:
    raise Refused("XL510", f"its pickle asks for {wanted}")
