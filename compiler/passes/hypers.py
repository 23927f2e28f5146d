"""Hyper-parameters of a free graph's nodes, as written under `with:`, against their signature."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from compiler.diagnostics.near import near
from compiler.passes.findings import key_of
from compiler.passes.wording import conversion, shown
from specs.problems import Problem
from specs.signatures import Hyper, Signature
from specs.signatures.base import REQUIRED
from specs.synonyms import synonyms
from specs.values import Value

_TYPES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    list: "a list of whole numbers",
}


def numbers_of(
    signature: Signature, given: Mapping[str, Any], address: str, dims: Mapping[str, int]
) -> tuple[list[Problem], dict[str, Value]]:
    """The values of a node's hyper-parameters, and what is wrong with them.

    `address` is that of the node; a whole number may be written as a name out of `dims`. What cannot be
    used has a value to go on with, whose address was reported.
    """
    problems: list[Problem] = []
    written: dict[str, str] = {}
    for name in given:
        if signature.hyper(name) is None:
            free = [hyper.name for hyper in signature.hypers if hyper.name not in given]
            close = synonyms(name, free) or near(name, free)
            problems.append(_unknown(signature, name, f"{address}.with", close))
            if close:
                written.setdefault(close[0], name)
        else:
            written[name] = name
    required = [hyper for hyper in signature.hypers if hyper.default is REQUIRED]
    missing = [hyper for hyper in required if hyper.name not in written]
    problems += [_missing(signature, missing, address)] if missing else []
    values: dict[str, Value] = {}
    for hyper in signature.hypers:
        if hyper.name not in written:
            values[hyper.name] = _stand_in(
                hyper, f"{address}.with.{hyper.name}" if hyper in missing else None
            )
            continue
        name = written[hyper.name]
        value, origin = given[name], f"{address}.with.{name}"
        if hyper.type is int and isinstance(value, str) and value in dims:
            value, origin = dims[value], f"dims.{value}"
        found = list(_misfits(hyper, value, origin, dims))
        problems += found if name == hyper.name else []
        if found:
            values[hyper.name] = _stand_in(hyper, origin)
        else:
            values[hyper.name] = Value(float(value) if hyper.type is float else value, origin)
    return problems, values


def _unknown(signature: Signature, name: str, address: str, close: list[str]) -> Problem:
    names = ", ".join(hyper.name for hyper in signature.hypers)
    return Problem(
        "XL209",
        f"block {signature.kind} has no hyper-parameter `{name}`",
        ((key_of(f"{address}.{name}"), "not a hyper-parameter"),),
        (f"it has {names}",),
        f"did you mean `{close[0]}`?" if close else f"remove it; {signature.kind} has {names}",
    )


def _stand_in(hyper: Hyper, origin: str | None) -> Value:
    if hyper.default is not REQUIRED:
        return Value(hyper.default, origin)
    if hyper.type is list:
        return Value([[1]] if hyper.items is list else [1], origin)
    return Value(hyper.type(max(hyper.minimum or 0, 1)) if hyper.type in (int, float) else None, origin)


def _missing(signature: Signature, missing: list[Hyper], address: str) -> Problem:
    names = ", ".join(f"`{hyper.name}`" for hyper in missing)
    at = [(key_of(f"{address}.with"), f"without {names}")]
    # The numbers themselves are named too: what would follow from them is not said again.
    at += [(f"{address}.with.{hyper.name}", "missing") for hyper in missing]
    return Problem(
        "XL209",
        f"block {signature.kind} needs {names}",
        tuple(at),
        tuple(f"`{hyper.name}`: {hyper.description}" for hyper in missing),
        f"add {', '.join(f'`{hyper.name}:`' for hyper in missing)} under `with:`",
    )


def _misfits(hyper: Hyper, value: Any, origin: str, dims: Mapping[str, int]) -> Iterator[Problem]:
    if not _is_typed(hyper, value):
        yield _ill_typed(hyper, value, origin, dims)
        return
    if hyper.choices and value not in hyper.choices:
        close = near(value, hyper.choices)
        yield Problem(
            "XL112",
            f"`{hyper.name}` is {shown(value)}, which is not one of its choices",
            ((origin, "not a choice"),),
            (hyper.description,),
            f"did you mean `{close[0]}`?" if close else f"choose one of {', '.join(hyper.choices)}",
        )
    for place, number in _numbers(value, origin):
        if type(number) in (int, float) and not _is_within(hyper, number):
            yield Problem(
                "XL104",
                f"`{hyper.name}` is {number}, and it must be {_bounds(hyper)}",
                ((place, "out of range"),),
                (hyper.description,),
                f"give `{hyper.name}` a value that is {_bounds(hyper)}",
            )


def _is_typed(hyper: Hyper, value: Any) -> bool:
    if hyper.type is list:
        rows = value if hyper.items is list else [value]
        return _is_filled(rows) and all(_is_filled(row) and set(map(type, row)) == {int} for row in rows)
    return type(value) is hyper.type or (hyper.type is float and type(value) is int)


def _is_filled(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a list that holds something."""
    return type(value) is list and bool(value)


def _numbers(value: Any, address: str) -> Iterator[tuple[str, Any]]:
    """Where each number of a value is written, and the number."""
    if not isinstance(value, list):
        yield address, value
        return
    for index, item in enumerate(value):
        yield from _numbers(item, f"{address}.{index}")


def _ill_typed(hyper: Hyper, value: Any, origin: str, dims: Mapping[str, int]) -> Problem:
    expected = "a list of lists of whole numbers" if hyper.items is list else _TYPES[hyper.type]
    at: tuple[tuple[str, str], ...] = ((origin, f"expected {expected}"),)
    help = conversion(value, (expected,)) or f"write {expected}"
    if isinstance(value, str) and hyper.type is int and value.isidentifier():
        close = near(value, dims)
        at = (*at, (f"dims.{value}", "no such size"))
        help = f"did you mean `{close[0]}`?" if close else f"{help}, or declare `{value}` under `dims:`"
    return Problem(
        "XL209", f"`{hyper.name}` must be {expected}, not {shown(value)}", at, (hyper.description,), help
    )


def _is_within(hyper: Hyper, number: float) -> bool:
    return (
        math.isfinite(number)
        and (hyper.minimum is None or number >= hyper.minimum)
        and (hyper.maximum is None or number <= hyper.maximum)
    )


def _bounds(hyper: Hyper) -> str:
    low, high = hyper.minimum, hyper.maximum
    if low is None:
        return "a finite number"
    return f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
