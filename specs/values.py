"""Configuration values that remember which field they came from.

A family writes `c.d_model` or `2 * c.d_model`; the result carries the address
`config.d_model`, so a diagnostic can point at the line that set it and the emitted
source can say where a literal came from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Value:
    """A plain value (number, string, boolean, list) and the address of the field that set it."""

    value: Any
    origin: str | None = None

    def __index__(self) -> int:
        return int(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __iter__(self) -> Iterator[Value]:
        for index, item in enumerate(self.value):
            yield Value(item, f"{self.origin}.{index}" if self.origin else None)

    def __len__(self) -> int:
        return len(self.value)

    def __add__(self, other: Value | int | float) -> Value:
        return Value(self.value + plain(other), self.origin)

    def __sub__(self, other: Value | int | float) -> Value:
        return Value(self.value - plain(other), self.origin)

    def __mul__(self, other: Value | int | float) -> Value:
        # A factor of one has no part in the product: the other field set it.
        origin = other.origin if isinstance(other, Value) and self.value == 1 else self.origin
        return Value(self.value * plain(other), origin)

    def __floordiv__(self, other: Value | int) -> Value:
        return Value(self.value // plain(other), self.origin)

    __radd__ = __add__
    __rmul__ = __mul__


def plain(value: Any) -> Any:
    """The bare value, whether or not it carries an origin."""
    return value.value if isinstance(value, Value) else value


class View:
    """Attribute access to a mapping of configuration fields, each returned as a `Value`.

    Attributes:
        architecture: the published class that the configuration is of, where its family has several.
        read: addresses of the fields that were asked for.
    """

    def __init__(self, fields: Mapping[str, Any], address: str, architecture: str | None = None) -> None:
        self._fields = fields
        self._address = address
        self.architecture = architecture
        self.read: set[str] = set()

    def __reduce__(self) -> tuple[type[View], tuple[Mapping[str, Any], str, str | None]]:
        return View, (self._fields, self._address, self.architecture)  # a copy was asked for nothing yet

    @property
    def role(self) -> str:
        """What part of a model the configuration is of: model, encoder or decoder."""
        return self._address.partition(".")[0]

    def __getattr__(self, name: str) -> Value:
        if name not in self._fields:
            raise AttributeError(f"no configuration field {name!r}")
        address = f"{self._address}.{name}"
        self.read.add(address)
        value = self.__dict__[name] = Value(self._fields[name], address)  # asked for once
        return value


def written(value: Any) -> str:
    """A value as it is written in a spec: what JSON says, which YAML reads the same."""
    return json.dumps(value, ensure_ascii=False)
