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
    """`data` with `value` at `path`, whose section `is_open`; maps on the way are made."""
    if not path:
        return value
    data = {} if data is None else data
    return {**data, path[0]: with_value(data.get(path[0]), path[1:], value)}


def is_open(data: Any, path: Address) -> bool:
    """Whether a value can be put below `path`: there and on the way are maps, empty places, or nothing."""
    for step in path:
        if not isinstance(data, dict):
            break
        data = data.get(step)
    return data is None or isinstance(data, dict)
