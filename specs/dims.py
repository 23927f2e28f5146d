"""Symbolic dimensions: sizes such as `batch` or `(frames + 3) // 4`, and proofs about them.

A `Dim` is built from declared names and integers with `+ - * //`; its normal form is in
`specs.dim_algebra`. `compare` decides equality over the declared ranges. With the other names held
fixed, a dim is a quasi-polynomial of each name: on every residue class of a modulus D it is a
polynomial of some degree d. It is therefore zero everywhere exactly when it is zero on (d + 1) * D
consecutive values of every name, which is a finite check.
"""

from __future__ import annotations

import bisect
import itertools
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, SupportsIndex

from specs.dim_algebra import Dim, Name, Size

__all__ = [
    "Dim",
    "Proof",
    "Size",
    "compare",
    "convolution_length",
    "minimum_input",
    "transposed_convolution_length",
]

_LARGE = 2**40
"""A size no tensor has: nothing divides it down to zero."""

_COMPARED_POINTS = 8192
"""Assignments `compare` tries before it answers UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What `compare` found; `Proof.EQUAL` and `Proof.UNKNOWN` are single objects, tested with `is`.

    `witness` is an assignment within the declared ranges under which the two dims differ: it is
    None for EQUAL and UNKNOWN, and never None otherwise.
    """

    name: str
    witness: Mapping[str, int] | None = None

    EQUAL: ClassVar[Proof]
    UNKNOWN: ClassVar[Proof]

    @classmethod
    def different(cls, witness: Mapping[str, int]) -> Proof:
        """Refuted by `witness`."""
        return cls("DIFFERENT", witness)


Proof.EQUAL = Proof("EQUAL")
Proof.UNKNOWN = Proof("UNKNOWN")


def compare(a: Size, b: Size) -> Proof:
    """Whether `a` and `b` are equal for every assignment within the declared ranges.

    EQUAL and DIFFERENT are proofs. UNKNOWN means that deciding takes more than a few thousand
    assignments and none of those tried tells the two apart. Raises ValueError when the two sides
    declare one name with different ranges.
    """
    a, b = Dim.of(a), Dim.of(b)
    if a == b:
        return Proof.EQUAL
    difference = a - b
    deciding = {name.text: _deciding_range(difference, name) for name in difference.ranges.values()}
    complete = math.prod(map(len, deciding.values())) <= _COMPARED_POINTS
    searched = deciding if complete else _shortened(deciding)
    for point in itertools.product(*searched.values()):
        values = dict(zip(searched, point, strict=True))
        if difference.at(values) != 0:
            return Proof.different(_every_name(values, a, b))
    return Proof.EQUAL if complete else Proof.UNKNOWN


def convolution_length(
    length: Size,
    kernel: SupportsIndex,
    stride: SupportsIndex,
    padding: SupportsIndex = 0,
    dilation: SupportsIndex = 1,
) -> Dim:
    """Output length of a convolution, floor((L + 2p - d(k-1) - 1) / s) + 1, as in torch.nn.Conv1d."""
    k, s, p, d = (operator.index(number) for number in (kernel, stride, padding, dilation))
    return _strided(Dim.of(length), 2 * p - d * (k - 1) - 1, s)


@lru_cache(maxsize=1024)
def _strided(length: Dim, margin: int, stride: int) -> Dim:
    return (length + margin) // stride + 1


def transposed_convolution_length(
    length: Size,
    kernel: SupportsIndex,
    stride: SupportsIndex,
    padding: SupportsIndex = 0,
    dilation: SupportsIndex = 1,
) -> Dim:
    """Output length of one that lengthens, (L - 1)s - 2p + d(k-1) + 1, as in torch.nn.ConvTranspose1d."""
    k, s, p, d = (operator.index(number) for number in (kernel, stride, padding, dilation))
    return (Dim.of(length) - 1) * s + (d * (k - 1) + 1 - 2 * p)


@lru_cache(maxsize=1024)
def minimum_input(output: Size, name: str, at_least: int = 1) -> int:
    """The smallest value of `name` from which on `output >= at_least`, within its declared range.

    Other names are held at their declared minimum, or, where that keeps a quotient at zero, so large that
    they do not matter. Raises ValueError when `output` is not seen to
    grow with `name` (a negative term holds it), or when no value in the range is enough.
    """
    output = Dim.of(output)
    values = {atom.text: atom.minimum for atom in output.ranges.values()}
    if name not in values:
        raise ValueError(f"{output} does not depend on {name}")
    if not _grows(output, name):
        raise ValueError(f"{output} is not known to grow with {name}")

    def reaches(candidate: int) -> bool:
        return output.at({**values, name: candidate}) >= at_least

    maximum = output.ranges[name].maximum
    if not reaches(_LARGE if maximum is None else maximum):
        open_ended = [atom for atom in output.ranges.values() if atom.minimum >= 1 and atom.maximum is None]
        values |= {atom.text: _LARGE for atom in open_ended}
    low = output.ranges[name].minimum
    candidates = range(low, low + 2**62 if maximum is None else maximum + 1)
    count = 1  # doubled first: the answer is small, the range is not
    while count < len(candidates) and not reaches(candidates[count - 1]):
        count *= 2
    first = bisect.bisect_left(candidates, True, hi=min(count, len(candidates)), key=reaches)
    if first == len(candidates):
        raise ValueError(f"{output} is below {at_least} for every {name} up to {candidates[-1]}")
    return candidates[first]


def _modulus_and_degree(dim: Dim, name: str) -> tuple[int, int]:
    """D and d such that `dim` is a polynomial of degree <= d in `name` on every class modulo D.

    For every m, shifting `name` by m * D also changes `dim` by a multiple of m: sums and products
    keep that, and so floor(x / s), with s times the modulus of x, does too.
    """
    modulus, degree = 1, 0
    for monomial, _ in dim.terms:
        term_degree = 0
        for atom in monomial:
            if isinstance(atom, Name):
                term_degree += atom.text == name
            elif name in atom.names():
                inner_modulus, inner_degree = _modulus_and_degree(atom.numerator, name)
                modulus = math.lcm(modulus, inner_modulus * atom.divisor)
                term_degree += inner_degree
        degree = max(degree, term_degree)
    return modulus, degree


def _deciding_range(dim: Dim, name: Name) -> range:
    """Values of `name` on which `dim` is zero only if it is zero on the whole declared range."""
    modulus, degree = _modulus_and_degree(dim, name.text)
    stop = name.minimum + modulus * (degree + 1)
    return range(name.minimum, stop if name.maximum is None else min(stop, name.maximum + 1))


def _shortened(ranges: Mapping[str, range]) -> dict[str, range]:
    """Prefixes of `ranges`, equally long where possible, whose product stays within the limit."""
    shortened: dict[str, range] = {}
    points = _COMPARED_POINTS
    for name in sorted(ranges, key=lambda name: len(ranges[name])):
        share = int(points ** (1 / (len(ranges) - len(shortened))))
        shortened[name] = ranges[name][: max(1, share)]
        points //= len(shortened[name])
    return shortened


def _every_name(values: Mapping[str, int], *dims: Dim) -> dict[str, int]:
    """`values` with the names that cancelled out of the difference at their minimum."""
    return {name.text: name.minimum for dim in dims for name in dim.ranges.values()} | dict(values)


def _grows(dim: Dim, name: str) -> bool:
    """Whether no term lets `dim` fall as `name` grows: sufficient, not necessary."""
    return all(
        coefficient > 0
        and all(isinstance(atom, Name) or _grows(atom.numerator, name) for atom in monomial)
        and (len(monomial) == 1 or all(atom.bounds()[0] >= 0 for atom in monomial))
        for monomial, coefficient in dim.terms
        if any(name in atom.names() for atom in monomial)
    )
