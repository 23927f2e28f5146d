"""The algebra behind `specs.dims`: integer polynomials over names and floor divisions.

Two identities of floor division, valid for all integers, keep the form normal:

    floor((s*x + r) / s)              = x + floor(r / s)
    floor((floor(x / s) + y) / t)     = floor((x + s*y) / (s*t))

so a chain of convolution lengths collapses to `floor((L + a) / s)` plus a constant.
"""

from __future__ import annotations

import itertools
import keyword
import math
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, SupportsIndex, TypeAlias


class Name(NamedTuple):
    """A declared name; `maximum` None leaves it unbounded above."""

    text: str
    minimum: int
    maximum: int | None

    def names(self) -> Mapping[str, Name]:
        """The names it depends on, with their ranges."""
        return {self.text: self}

    def at(self, values: Mapping[str, int]) -> int:
        """Its integer under an assignment."""
        return values[self.text]

    def bounds(self) -> tuple[float, float]:
        """The declared range."""
        return self.minimum, math.inf if self.maximum is None else self.maximum


class Floor(NamedTuple):
    """floor(numerator / divisor) in normal form; divisor > 1."""

    text: str
    numerator: Dim
    divisor: int

    def names(self) -> Mapping[str, Name]:
        """The names it depends on, with their ranges."""
        return self.numerator.ranges

    def at(self, values: Mapping[str, int]) -> int:
        """Its integer under an assignment."""
        return self.numerator.at(values) // self.divisor

    def bounds(self) -> tuple[float, float]:
        """The bounds of the numerator, divided."""
        low, high = (b if math.isinf(b) else b // self.divisor for b in self.numerator.bounds())
        return low, high


Atom: TypeAlias = Name | Floor
Monomial: TypeAlias = tuple[Atom, ...]
Size: TypeAlias = "Dim | SupportsIndex"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dim:
    """An immutable symbolic integer, built from `Dim.constant`, `Dim.name` and `+ - * //`.

    `==` compares normal forms (a constant also equals its int); `compare` proves or refutes
    equality of value over the declared ranges.
    """

    terms: tuple[tuple[Monomial, int], ...]
    ranges: Mapping[str, Name]

    @classmethod
    def constant(cls, value: SupportsIndex) -> Dim:
        """The dim that is always `value`."""
        return _constant(int(operator.index(value)))

    @classmethod
    def name(cls, name: str, minimum: int = 1, maximum: int | None = None) -> Dim:
        """A named dim with `minimum <= value <= maximum`.

        Raises ValueError for a name that is no Python identifier or a range that is empty. Within
        one expression a name has one range; mixing two raises ValueError.
        """
        return _named(name, minimum, maximum)

    @classmethod
    def of(cls, size: Size) -> Dim:
        """`size` itself, or the constant dim of an integer."""
        return size if isinstance(size, Dim) else cls.constant(size)

    @property
    def value(self) -> int | None:
        """The integer of a constant dim, else None."""
        return None if self.ranges else self.evaluate({})

    def names(self) -> frozenset[str]:
        """The names the normal form still depends on."""
        return frozenset(self.ranges)

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The integer under an assignment of every name; other names in `values` are ignored.

        Raises ValueError when a name has no value. Declared ranges are not enforced.
        """
        missing = self.ranges.keys() - values.keys()
        if missing:
            raise ValueError(f"no value for {', '.join(sorted(missing))} in {self}")
        return self.at(values)

    def at(self, values: Mapping[str, int]) -> int:
        """`evaluate` for an assignment known to be complete."""
        return sum(
            coefficient * math.prod(atom.at(values) for atom in monomial)
            for monomial, coefficient in self.terms
        )

    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound over the declared ranges: exact ints, or infinities where unbounded.

        Interval arithmetic: always sound, and tight when each name occurs once.
        """
        low: float = 0
        high: float = 0
        for monomial, coefficient in self.terms:
            interval: tuple[float, float] = (coefficient, coefficient)
            for atom in monomial:
                interval = _interval_product(interval, atom.bounds())
            low, high = low + interval[0], high + interval[1]
        return low, high

    def source(self, names: Mapping[str, str] | None = None) -> str:
        """A Python expression of the value; `names` replaces a name by an expression for it."""
        terms = sorted(self.terms, key=lambda term: term[1] < 0)  # "4 - frames", not "-frames + 4"
        text = ""
        for monomial, coefficient in terms:
            term = _term_source(monomial, abs(coefficient), names or {})
            if text:
                text += f" - {term}" if coefficient < 0 else f" + {term}"
            elif coefficient < 0:  # a bare unary minus would bind tighter than the floor division
                text = f"-({term})" if "//" in term else f"-{term}"
            else:
                text = term
        return text or "0"

    def __str__(self) -> str:
        return self.source()

    def __repr__(self) -> str:
        return f"Dim({self})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            return self.value == other
        return self.terms == other.terms if isinstance(other, Dim) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.terms) if self.ranges else hash(self.at({}))

    def __add__(self, other: Size) -> Dim:
        total = dict(self.terms)
        for monomial, coefficient in Dim.of(other).terms:
            total[monomial] = total.get(monomial, 0) + coefficient
        return _polynomial(total)

    def __mul__(self, other: Size) -> Dim:
        total: dict[Monomial, int] = {}
        for (left, a), (right, b) in itertools.product(self.terms, Dim.of(other).terms):
            monomial = tuple(sorted(left + right, key=_atom_order))
            total[monomial] = total.get(monomial, 0) + a * b
        return _polynomial(total)

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Size) -> Dim:
        return self + -Dim.of(other)

    def __rsub__(self, other: SupportsIndex) -> Dim:
        return -self + other

    def __floordiv__(self, divisor: SupportsIndex) -> Dim:
        """Division by a positive integer, rounded down. Raises ValueError for other divisors."""
        divisor = operator.index(divisor)
        if divisor < 1:
            raise ValueError(f"a dimension is divided by a positive integer, not {divisor}")
        return _floor(self, divisor)

    __radd__ = __add__
    __rmul__ = __mul__


def _polynomial(terms: Mapping[Monomial, int]) -> Dim:
    """The dim of {monomial: coefficient}; monomials are sorted, coefficients may be zero."""
    kept = [(monomial, coefficient) for monomial, coefficient in terms.items() if coefficient]
    ranges: dict[str, Name] = {}
    for name in (name for monomial, _ in kept for atom in monomial for name in atom.names().values()):
        if ranges.setdefault(name.text, name) != name:
            raise ValueError(f"{name.text} is declared with two ranges")
    normal = tuple(sorted(kept, key=lambda term: _monomial_order(term[0])))
    return Dim(normal, ranges)


@lru_cache(maxsize=4096)
def _constant(value: int) -> Dim:
    return _polynomial({(): value})


@lru_cache(maxsize=1024)
def _named(name: str, minimum: int, maximum: int | None) -> Dim:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"a dimension name is a Python identifier, not {name!r}")
    if maximum is not None and maximum < minimum:
        raise ValueError(f"the range of {name} is empty: {minimum} to {maximum}")
    return _polynomial({(Name(name, minimum, maximum),): 1})


@lru_cache(maxsize=4096)
def _floor(dim: Dim, divisor: int) -> Dim:
    """Normal form of floor(dim / divisor)."""
    whole = {monomial: coefficient // divisor for monomial, coefficient in dim.terms}
    rest = {monomial: coefficient % divisor for monomial, coefficient in dim.terms}
    constant = rest.pop((), 0)
    rest = {monomial: coefficient for monomial, coefficient in rest.items() if coefficient}
    if not rest:
        return _polynomial(whole)
    # floor((g*x + c) / (g*s)) = floor((x + floor(c / g)) / s)
    common = math.gcd(divisor, *rest.values())
    divisor //= common
    numerator = _polynomial({m: c // common for m, c in rest.items()} | {(): constant // common})
    nested = next(
        (m[0] for m, c in numerator.terms if len(m) == 1 and c == 1 and isinstance(m[0], Floor)), None
    )
    if nested is not None:
        beside = numerator - _polynomial({(nested,): 1})
        return _polynomial(whole) + _floor(
            nested.numerator + beside * nested.divisor, divisor * nested.divisor
        )
    text = f"{_parenthesised(numerator.source())} // {divisor}"
    return _polynomial(whole) + _polynomial({(Floor(text, numerator, divisor),): 1})


def _atom_order(atom: Atom) -> tuple[bool, str]:
    return isinstance(atom, Floor), atom.text


def _monomial_order(monomial: Monomial) -> tuple[int, list[tuple[bool, str]]]:
    return -len(monomial), [_atom_order(atom) for atom in monomial]


def _interval_product(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    # 0 * inf is 0 here: the name is unbounded, never infinite.
    corners = [x * y if x and y else 0 for x in a for y in b]
    return min(corners), max(corners)


def _term_source(monomial: Monomial, coefficient: int, names: Mapping[str, str]) -> str:
    factors = [str(coefficient)] if coefficient != 1 or not monomial else []
    alone = not factors and len(monomial) == 1
    for atom in monomial:
        if isinstance(atom, Name):
            factors.append(_parenthesised(names.get(atom.text, atom.text)))
        else:
            text = f"{_parenthesised(atom.numerator.source(names))} // {atom.divisor}"
            factors.append(text if alone else f"({text})")
    return " * ".join(factors)


def _parenthesised(text: str) -> str:
    return text if re.fullmatch(r"[\w.\[\]]+", text) else f"({text})"
