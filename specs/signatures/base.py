"""What a signature states: what a block takes and gives, beyond what its code says."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from specs.dims import Dim
from specs.graph import Block, TensorType
from specs.problems import Problem
from specs.values import Value

REQUIRED: Any = object()

LENGTH = "length"
"""Of a block that `takes_length`: the dimension of its outputs that nothing that arrives has."""

Env = Mapping[str, Dim]
DimRule = str | int | Callable[["Numbers", Env], Dim]


class Hyper(NamedTuple):
    """One hyper-parameter: its type and bounds. Nothing is coerced: `True` is no integer.

    A list is of whole numbers; one whose `items` are lists, of lists of them.
    """

    name: str
    type: builtins.type[Any]
    description: str
    default: Any = REQUIRED
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    items: builtins.type[Any] | None = None


class Port(NamedTuple):
    """An input or output. `dims` are names (unified within the node), hyper-parameters, or rules.

    A name that is no hyper-parameter is bound by the first input that has it. `code` is the
    diagnostic raised when a dimension that arrives differs from the one expected. Of a mask with
    `lengths_only` nothing but the number of ones in a row is read: zeros before a one would be misread. Ids
    are `below` a hyper-parameter.
    """

    name: str
    role: str
    dims: tuple[DimRule, ...]
    dtype: str = "float"
    optional: bool = False
    code: str = "XL305"
    lengths_only: bool = False
    below: str | None = None


class Violation(NamedTuple):
    """A rule of a signature that its numbers break.

    `blame` lists hyper-parameters, the primary first; `kernels.2` is an item of a list.
    """

    code: str
    message: str
    blame: tuple[tuple[str, str], ...]
    help: str | None = None


class Numbers:
    """Attribute access to a node's hyper-parameters, each a `Value`."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.__dict__.update(values)
        self._values = values

    def __getattr__(self, name: str) -> Value:
        raise AttributeError(f"no hyper-parameter {name!r}")

    def constants(self) -> dict[str, Dim]:
        """The whole-number hyper-parameters as dimensions."""
        return {
            name: Dim.constant(value.value)
            for name, value in self._values.items()
            if type(value.value) is int
        }

    def problems(self, violations: Iterable[Violation]) -> list[Problem]:
        """The violations as problems at the fields that set the numbers to blame."""
        return [
            Problem(
                violation.code,
                violation.message,
                tuple((origin, label) for name, label in violation.blame if (origin := self._origin(name))),
                help=violation.help,
            )
            for violation in violations
        ]

    def _origin(self, name: str) -> str | None:
        """The address that set a hyper-parameter, or an item of it."""
        hyper, _, item = name.partition(".")
        origin = self._values[hyper].origin
        return f"{origin}.{item}" if origin and item else origin


def no_violations(_: Numbers) -> Iterable[Violation]:
    """For signatures whose numbers are free within their bounds."""
    return ()


@dataclass(frozen=True, slots=True)
class Signature:
    """A kind of block as specs name it.

    Attributes:
        construct: numbers -> the constructor calls, composite blocks built from their parts.
        operations: numbers, dims -> multiply-adds of one forward.
        leaks_padding: why padding is seen by valid positions, or None when it never is.
        keeps_state: takes the decode cache.
        mixes_time: what it gives at a position depends on others.
        trains_only: outside of training it passes on what it is given.
        takes_length: its outputs are as long as its values say, or padded to a `length` that is given.
        defaults: hyper-parameter -> what it is where no number is given, in their order.
        names: those that its inputs have in common with each other, or with a hyper-parameter.
    """

    kind: str
    summary: str
    hypers: tuple[Hyper, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    construct: Callable[[Numbers], Block]
    operations: Callable[[Numbers, Env], Dim]
    violations: Callable[[Numbers], Iterable[Violation]] = no_violations
    leaks_padding: str | None = None
    keeps_state: bool = False
    mixes_time: bool = False
    trains_only: bool = False
    takes_length: bool = False
    defaults: dict[str, Value] = field(default_factory=dict, repr=False)
    names: dict[str, None] = field(default_factory=dict, repr=False)
    _hypers: dict[str, Hyper] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._hypers.update((hyper.name, hyper) for hyper in self.hypers)
        self.defaults.update((hyper.name, Value(hyper.default)) for hyper in self.hypers)
        self.names.update((rule, None) for port in self.inputs for rule in port.dims if isinstance(rule, str))

    def hyper(self, name: str) -> Hyper | None:
        """The hyper-parameter of that name."""
        return self._hypers.get(name)

    def input(self, name: str) -> Port | None:
        """The input port of that name."""
        return next((port for port in self.inputs if port.name == name), None)

    def output_types(self, numbers: Numbers, env: Env) -> dict[str, TensorType]:
        """The declared types of the outputs, names in `env` bound by the inputs."""
        return {
            port.name: TensorType(
                port.role, tuple(resolve(rule, numbers, env) for rule in port.dims), port.dtype
            )
            for port in self.outputs
        }


def resolve(rule: DimRule, numbers: Numbers, env: Env) -> Dim:
    """A dimension rule as a dimension; names not bound yet stay symbolic."""
    if isinstance(rule, str):
        return env.get(rule) or Dim.name(rule)
    return Dim.constant(rule) if isinstance(rule, int) else rule(numbers, env)
