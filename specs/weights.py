"""How a published checkpoint's tensors become a model's parameters, and back.

A family's table is rows: our address pattern, the stored pattern or patterns, an operation. Patterns
are full paths in which `{i}` stands for one whole number; one that is written out is that one. Every
operation states its inverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rename:
    """The stored tensor as it is."""

    name = "rename"

    def stored_shapes(self, shape: Shape) -> tuple[Shape, ...]:
        """Shapes of the stored tensors a parameter of `shape` comes from."""
        return (shape,)


@dataclass(frozen=True, slots=True)
class Transpose:
    """The stored matrix, transposed: checkpoints that keep linear weights as [in, out]."""

    name = "transpose"

    def stored_shapes(self, shape: Shape) -> tuple[Shape, ...]:
        """Shapes of the stored tensors a parameter of `shape` comes from."""
        assert len(shape) == 2, "only matrices are transposed"
        return (shape[::-1],)


@dataclass(frozen=True, slots=True)
class Split:
    """Part `index` of `count` equal parts of one stored tensor along `axis`.

    Export gathers all parts again, so the rows of the other parts must exist.
    """

    axis: int
    index: int
    count: int
    name = "split"

    def stored_shapes(self, shape: Shape) -> tuple[Shape, ...]:
        """Shapes of the stored tensors a parameter of `shape` comes from."""
        sizes = list(shape)
        sizes[self.axis] *= self.count
        return (tuple(sizes),)


@dataclass(frozen=True, slots=True)
class Concat:
    """Several stored tensors of equal shape, joined along `axis` in the order of the row's sources."""

    axis: int
    count: int
    name = "concat"

    def stored_shapes(self, shape: Shape) -> tuple[Shape, ...]:
        """Shapes of the stored tensors a parameter of `shape` comes from."""
        assert shape[self.axis] % self.count == 0, "parts of a concatenation are equal"
        sizes = list(shape)
        sizes[self.axis] //= self.count
        return (tuple(sizes),) * self.count


@dataclass(frozen=True, slots=True)
class Reorder:
    """Blocks along `axis` in another order: parameter block p is stored block `order[p]`."""

    axis: int
    order: tuple[int, ...]
    name = "reorder"

    def stored_shapes(self, shape: Shape) -> tuple[Shape, ...]:
        """Shapes of the stored tensors a parameter of `shape` comes from."""
        assert shape[self.axis] % len(self.order) == 0, "reordered blocks are equal"
        return (shape,)


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows start:stop of `axis`; the rest, `total` rows in all, is kept for export."""

    axis: int
    start: int
    stop: int
    total: int
    name = "slice"

    def stored_shapes(self, shape: Shape) -> tuple[Shape, ...]:
        """Shapes of the stored tensors a parameter of `shape` comes from."""
        sizes = list(shape)
        sizes[self.axis] = self.total
        return (tuple(sizes),)


@dataclass(frozen=True, slots=True)
class Fold:
    """A weight that is stored as magnitude and direction: W = g v / |v| (Salimans & Kingma 2016).

    The norm is taken over all axes but the first, as torch has it for convolutions of either kind. Export
    writes both back as they came while the weight is what they make; then g = |W| and v = W.
    """

    name = "fold"

    def stored_shapes(self, shape: Shape) -> tuple[Shape, ...]:
        """Shapes of the stored tensors a parameter of `shape` comes from."""
        return ((shape[0], *(1 for _ in shape[1:])), shape)


Simple = Rename | Transpose | Split | Concat | Reorder | Slice | Fold


@dataclass(frozen=True, slots=True)
class Steps:
    """Several operations on one stored tensor, in order; a split can only be the last."""

    steps: tuple[Simple, ...]

    @property
    def name(self) -> str:
        """The names of the steps."""
        return ", ".join(step.name for step in self.steps)

    def stored_shapes(self, shape: Shape) -> tuple[Shape, ...]:
        """Shapes of the stored tensors a parameter of `shape` comes from."""
        for step in reversed(self.steps):
            (shape,) = step.stored_shapes(shape)
        return (shape,)


Operation = Simple | Steps


def split_of(operation: Operation) -> Split | None:
    """The split that an operation ends with: its stored tensor feeds other parameters too."""
    last = operation.steps[-1] if isinstance(operation, Steps) else operation
    return last if isinstance(last, Split) else None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a family's table.

    Attributes:
        computed: the address is a buffer that is recomputed, never loaded: a stored copy is compared with
            the formula.
        exported: of a computed buffer: the published class stores it all the same.
        copies: names under which files store the same tensor once more, or instead.
        foldable: a plain weight for which files with weight norm store magnitude and direction.
    """

    address: str
    sources: tuple[str, ...]
    operation: Operation = Rename()
    computed: bool = False
    exported: bool = False
    copies: tuple[str, ...] = ()
    foldable: bool = False


class Stored(Protocol):
    """A row of a table, of patterns or of full paths."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Stored names in the published spelling."""

    @property
    def operation(self) -> Operation:
        """How those make the parameter."""

    @property
    def foldable(self) -> bool:
        """Whether other spellings have magnitude and direction in place of its source."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One spelling of a whole checkpoint, told by its names.

    Attributes:
        without_prefix: a prefix that its names lack.
        endings: (ending, the one it has in its place).
        norm: what magnitude and direction end with, in place of `weight`, where weights are normed.
    """

    name: str
    without_prefix: str = ""
    endings: tuple[tuple[str, str], ...] = ()
    norm: tuple[str, str] | None = None

    def spell(self, source: str) -> str:
        """The name under which this dialect stores `source`."""
        for ending, other in self.endings:
            if source.endswith(ending):
                source = source.removesuffix(ending) + other
        return source.removeprefix(self.without_prefix)

    def norm_of(self, source: str) -> tuple[str, str] | None:
        """What magnitude and direction of that weight end with, where it is normed."""
        return self.norm

    def names(self, row: Stored) -> tuple[str, ...]:
        """The names under which this dialect stores what feeds a row."""
        sources = row.sources
        if row.foldable and sources and (norm := self.norm_of(sources[0])) is not None:
            sources = normed(sources[0], norm)
        return tuple(map(self.spell, sources))

    def operation(self, row: Stored) -> Operation:
        """How they make its parameter."""
        is_normed = row.foldable and row.sources and self.norm_of(row.sources[0]) is not None
        return Fold() if is_normed else row.operation


@dataclass(frozen=True, slots=True)
class Together(Dialect):
    """The spellings of a file's parts, told apart by what their names begin with."""

    parts: tuple[tuple[str, Dialect], ...] = ()

    def norm_of(self, source: str) -> tuple[str, str] | None:
        """What magnitude and direction of that weight end with, where it is normed."""
        return next((one.norm for beginning, one in self.parts if source.startswith(beginning)), None)

    def spell(self, source: str) -> str:
        """The name under which this dialect stores `source`."""
        for beginning, dialect in self.parts:
            if source.startswith(beginning):
                return beginning + dialect.spell(source.removeprefix(beginning))
        return source


@dataclass(frozen=True, slots=True)
class Carried:
    """A part of the published class of `role` that a model here does without, kept for export.

    `mean` and `deviation` are those of its initial values, which stand in where a checkpoint lacks it.
    `repeats` is how many there are, where its name has a `{i}`.
    """

    role: str
    shape: Shape
    deviation: float = 0.0
    mean: float = 0.0
    dtype: Literal["float", "int64"] = "float"
    repeats: int | None = None


@dataclass(frozen=True, slots=True)
class IgnoredTensor:
    """A stored tensor that is not computed with, by full path, and why; `copies` are its other names."""

    pattern: str
    reason: str
    carried: Carried | None = None
    copies: tuple[str, ...] = ()


@dataclass(frozen=True)
class WeightMap:
    """A family's table, the spellings it is found in, and what is ignored."""

    rows: tuple[Row, ...]
    dialects: tuple[Dialect, ...] = (Dialect("published"),)
    ignored: tuple[IgnoredTensor, ...] = ()

    def find(self, address: str) -> tuple[Row, tuple[str, ...]] | None:
        """The row of an address, and its stored names in the published spelling."""
        pattern, every = generalise(address)
        for row in self._by_pattern.get(pattern, ()):
            numbers = every if row.address == pattern else captured(row.address, address)
            if numbers is not None:
                return row, tuple(fill(source, numbers) for source in row.sources)
        return None

    @cached_property
    def _by_pattern(self) -> dict[str, list[Row]]:
        rows: dict[str, list[Row]] = {}
        for row in self.rows:
            rows.setdefault(generalise(row.address)[0], []).append(row)
        return rows


def belongs(address: str, role: str) -> bool:
    """Whether an address is of a role: what is not the encoder's is the decoder's, and all is a model's."""
    return role == "model" or (role == "encoder") is address.startswith("encoder.")


def normed(weight: str, norm: tuple[str, str]) -> tuple[str, ...]:
    """The names of a weight's magnitude and direction, which end as `norm` says."""
    return tuple(weight.removesuffix("weight") + ending for ending in norm)


def affine(address: str, source: str, foldable: bool = False) -> Iterator[Row]:
    """Rows of a weight, which some files may store normed, and its bias."""
    yield Row(f"{address}.weight", (f"{source}.weight",), foldable=foldable)
    yield Row(f"{address}.bias", (f"{source}.bias",))


_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")
"""A step of a path that is all digits."""


def classifiers(*modules: str) -> Iterator[IgnoredTensor]:
    """What published heads of classes store beside the model: weight and bias of each module."""
    for module in modules:
        for parameter in ("weight", "bias"):
            yield IgnoredTensor(f"{module}.{parameter}", "a classifier that is no part of the model")


def generalise(name: str) -> tuple[str, tuple[str, ...]]:
    """A full path as a pattern, and the numbers its `{i}` stand for: the inverse of `fill`."""
    numbers = tuple(_NUMBER.findall(name))
    return (_NUMBER.sub("{i}", name) if numbers else name), numbers


def captured(pattern: str, name: str) -> tuple[str, ...] | None:
    """The numbers that the `{i}` of a pattern stand for in a full path; None where it is not of this pattern.

    A number that the pattern writes out stands for itself.
    """
    pairs = list(zip(pattern.split("."), name.split("."), strict=True))
    if any(step not in ("{i}", given) for step, given in pairs):
        return None
    return tuple(given for step, given in pairs if step == "{i}")


def fill(pattern: str, numbers: tuple[str, ...]) -> str:
    """`pattern` with its `{i}` replaced, in order."""
    for number in numbers:
        pattern = pattern.replace("{i}", number, 1)
    return pattern
