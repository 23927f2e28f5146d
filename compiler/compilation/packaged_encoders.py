"""Encoders as packages, one for inputs of all sizes that torch can leave open."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from compiler.compilation.kept import KeptPackages
from compiler.compilation.open_sizes import OpenSizes
from compiler.compilation.packages import PACKED, Notes, Run, make_package
from compiler.compilation.plain_inputs import PlainInputs
from compiler.diagnostics.model import CrossloomError
from specs.graph import Graph

Kind = tuple[tuple[str, torch.dtype], ...]
"""Which inputs are given, and of which dtypes."""


class Encoding(NamedTuple):
    """An encoder of inputs of some kind, which gives hidden states, and their mask where there is one."""

    run: Run
    sizes: OpenSizes


class PackagedEncoder:
    """Takes the place of an encoder.

    Inputs that it might refuse, that a gradient goes through, or of sizes that the package does not serve
    are the model's own to encode.
    """

    def __init__(
        self,
        model: Any,
        own: Callable[..., Any],
        graph: Graph,
        inputs: Iterable[str],
        addresses: tuple[str, ...],
        kept: KeptPackages,
    ) -> None:
        """`addresses`: what the names of the parameters begin with that `own` reads."""
        self._model, self._own, self._graph = model, own, graph
        self._result: Callable[..., Any] = vars(sys.modules[type(model).__module__])["Encoded"]
        self.__signature__ = inspect.signature(own)
        self._addresses, self._kept = addresses, kept
        self._plain = PlainInputs(graph, inputs, next(model.parameters()).dtype)
        self._encodings: dict[Kind, Encoding | None] = {}

    def __call__(self, *args: Any, **named: Any) -> Any:
        """As the method whose place it takes."""
        bound = self.__signature__.bind(*args, **named).arguments
        given = {name: value for name, value in bound.items() if value is not None}
        if self._plain(given):
            self._kept.require_unchanged()
            encoding = self._encoding(given)
            if encoding is not None and encoding.sizes.serve(given.values()):
                hidden, *mask = encoding.run([tensor.contiguous() for tensor in given.values()])
                return self._result(hidden, mask[0] if mask else None)
        return self._own(*args, **named)

    def _encoding(self, given: Mapping[str, Tensor]) -> Encoding | None:
        """The package for inputs of this kind, kept or made now; None where there can be none, or not yet.

        Of nothing none is made: torch would take a size of 0 for one that is always so.
        """
        kind = tuple((name, tensor.dtype) for name, tensor in given.items())
        if kind not in self._encodings:
            if not all(tensor.numel() for tensor in given.values()):
                return None
            self._encodings[kind] = self._opened(given)
        return self._encodings[kind]

    def _opened(self, given: Mapping[str, Tensor]) -> Encoding | None:
        name: str = self._own.__name__
        facts = {"method": name, "inputs": {one: str(tensor.dtype) for one, tensor in given.items()}}
        what = f"`{name}` for this machine, about half a minute, once"
        try:
            package = self._kept.open(
                what,
                self._addresses,
                {**facts, "options": PACKED},
                lambda file: make_package(lambda: self._exported(given), file, PACKED),
            )
            return Encoding(package.run, OpenSizes.from_notes(package.notes))
        except CrossloomError:
            raise
        except Exception as error:  # torch has many ways to refuse, and the method works without
            self._own(**given)  # unless these inputs are at fault, and others are not
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            print(f"`{name}` stays as it is, not compiled: {reason}", file=sys.stderr, flush=True)
            return None

    def _exported(self, given: Mapping[str, Tensor]) -> tuple[ExportedProgram, Notes]:
        function = _Tensors(self._model, self._own, tuple(given))
        program = exported(function, self._graph, given)
        return program, OpenSizes.of(program).notes()


class _Tensors(nn.Module):
    """An encoder as a function of tensors."""

    def __init__(self, model: nn.Module, encode: Callable[..., Any], inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self._encode, self._inputs = encode, inputs

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The inputs in order -> hidden states, and their mask where there is one."""
        hidden, mask = self._encode(**dict(zip(self._inputs, tensors, strict=True)))
        return (hidden,) if mask is None else (hidden, mask)


def exported(function: nn.Module, graph: Graph, given: Mapping[str, Tensor]) -> ExportedProgram:
    """`function` of inputs like these; every size is open that the graph and torch leave open."""
    types = [graph.inputs[name] for name in given]
    free = tuple({axis: Dim.AUTO for axis, dim in enumerate(one.dims) if dim.value is None} for one in types)
    inputs = tuple(map(_without_ones, given.values(), free))
    return export(function.eval(), inputs, dynamic_shapes=(free,), strict=False)


def _without_ones(tensor: Tensor, axes: Iterable[int]) -> Tensor:
    """The same with 2 where one of these sizes is 1, which would be taken for one that is always 1."""
    for axis in axes:
        if tensor.shape[axis] == 1:
            tensor = torch.cat((tensor, tensor), axis)
    return tensor
