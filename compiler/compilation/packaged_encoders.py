"""Encoders as packages, one for inputs of all sizes that torch can leave open."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from compiler.compilation.canonical_sizes import Sizes, canonical_sizes
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
            encoding = self._encoding(tuple((name, tensor.dtype) for name, tensor in given.items()))
            if encoding is not None and encoding.sizes.serve(given.values()):
                hidden, *mask = encoding.run([tensor.contiguous() for tensor in given.values()])
                return self._result(hidden, mask[0] if mask else None)
        return self._own(*args, **named)

    def _encoding(self, kind: Kind) -> Encoding | None:
        """The package for inputs of this kind, kept or made now; None where there can be none."""
        if kind not in self._encodings:
            self._encodings[kind] = self._opened(kind)
        return self._encodings[kind]

    def _opened(self, kind: Kind) -> Encoding | None:
        name: str = self._own.__name__
        facts = {"method": name, "inputs": {one: str(dtype) for one, dtype in kind}}
        what = f"`{name}` for this machine, about half a minute, once"
        try:
            package = self._kept.open(
                what,
                self._addresses,
                {**facts, "options": PACKED},
                lambda file: make_package(lambda: self._exported(kind), file, PACKED),
            )
            return Encoding(package.run, OpenSizes.from_notes(package.notes))
        except CrossloomError:
            raise
        except Exception as error:  # torch has many ways to refuse, and the method works without
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            print(f"`{name}` stays as it is, not compiled: {reason}", file=sys.stderr, flush=True)
            return None

    def _exported(self, kind: Kind) -> tuple[ExportedProgram, Notes]:
        """The program of inputs of this kind; raises ValueError where it does not serve all sizes alike."""
        names, graph = tuple(name for name, _ in kind), self._graph
        sizes, others = canonical_sizes(graph, names, self._model.__dict__["spec"].maximum_source)
        function = _Tensors(self._model, self._own, names)
        program = exported(function, graph, _zeros(graph, kind, sizes))
        served = OpenSizes.of(program)
        if not served.serve(_zeros(graph, kind, others).values()):
            raise ValueError(f"torch fixes its sizes: it would take {_listed(sizes)}, not {_listed(others)}")
        return program, served.notes()


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
    return export(function.eval(), tuple(given.values()), dynamic_shapes=(free,), strict=False)


def _zeros(graph: Graph, kind: Kind, sizes: Sizes) -> dict[str, Tensor]:
    """Inputs of this kind, of these sizes."""
    return {
        name: torch.zeros([dim.evaluate(sizes) for dim in graph.inputs[name].dims], dtype=dtype)
        for name, dtype in kind
    }


def _listed(sizes: Sizes) -> str:
    return ", ".join(f"{size} {name}" for name, size in sizes.items())
