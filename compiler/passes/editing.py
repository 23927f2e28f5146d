"""Plain data with one value less, or one more; what was given stays as it is."""

from __future__ import annotations

from typing import Any

from compiler.reader import Path as Address


def value_at(data: Any, path: Address) -> Any:
    """The value at `path`, which exists."""
    for step in path:
        data = data[step]
    return data


def without(data: Any, path: Address) -> Any:
    """`data` without the key at `path`; as it is where there is none."""
    step, rest = path[0], path[1:]
    if not isinstance(data, dict) or step not in data:
        return data
    if not rest:
        return {key: value for key, value in data.items() if key != step}
    return {**data, step: without(data[step], rest)}


def with_value(data: Any, path: Address, value: Any) -> Any:
    """`data` with `value` at `path`, maps on the way made; as it is where something else is on the way."""
    if not path:
        return value
    if not isinstance(data, dict):
        return data
    step, rest = path[0], path[1:]
    return {**data, step: with_value(data.get(step, {} if rest else None), rest, value)}
