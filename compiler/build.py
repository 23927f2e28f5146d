"""From emitted source to a live model: the reviewed bytes are the ones that run."""

from __future__ import annotations

import copyreg
import hashlib
import json
import linecache
import sys
from contextlib import nullcontext
from itertools import chain
from types import ModuleType
from typing import TYPE_CHECKING, Any

from compiler.compilation import CompileMode, compiled
from compiler.emission.modeling import modeling_source
from compiler.precision import precision
from compiler.quantising import quantise
from compiler.resolved import digest, resolved
from compiler.spec import Spec
from specs.graph import Graph

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from compiler.precision import Dtypes


_EMITTED: dict[tuple[str, frozenset[str]], ModuleType] = {}
"""By the resolved spec as it is ordered, and the fields that its author set: these decide the source."""


def emitted(spec: Spec, graph: Graph) -> ModuleType:
    """The module that is emitted for a spec."""
    key = json.dumps(resolved(spec)), spec.explicit
    if key not in _EMITTED:
        _EMITTED[key] = execute(modeling_source(graph, digest(spec), spec.explicit))
    return _EMITTED[key]


def execute(source: str) -> ModuleType:
    """The module that `source` defines, registered under its content hash.

    Tracebacks show its lines, and models pickle together with it.
    """
    name = f"crossloom_emitted_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    file = f"<{name}>"
    module = ModuleType(name)
    module.__file__ = file
    module.__dict__["__source__"] = source
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    sys.modules[name] = module
    try:
        exec(compile(source, file, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    copyreg.pickle(module.Model, _reduce)
    return module


def _reduce(model: Any) -> tuple[Any, ...]:
    """A pickle carries the source, so that it opens where the module was never built.

    Compiled methods stay behind: they belong to this process, and to this model's parameters.
    """
    source = sys.modules[type(model).__module__].__dict__["__source__"]
    methods = {name for name in model.__dict__ if callable(getattr(type(model), name, None))}
    state = {name: value for name, value in model.__dict__.items() if name not in methods}
    return _restore, (source,), state


def _restore(source: str) -> Any:
    model = execute(source).Model
    return model.__new__(model)


def skeleton(spec: Spec, graph: Graph, device: str = "cpu") -> torch.nn.Module:
    """The model without values, and without memory for them, in training mode."""
    import torch

    from compiler.unwritten import Unreserved, unwritten

    module = emitted(spec, graph)
    # Entering a device has its price at every tensor made there.
    there = torch.get_default_device() == torch.device(device)
    with nullcontext() if there else torch.device(device), Unreserved(), unwritten(module):
        model = module.Model()
    return finish(model, spec)


def finish(model: torch.nn.Module, spec: Spec) -> torch.nn.Module:
    """Attach what the runtime reads: the spec, and what only a checkpoint has, its options and its tables."""
    model.__dict__["spec"] = spec
    model.__dict__["generation_defaults"] = {}
    model.__dict__["tables"] = {}
    return model


def tensors_of(model: torch.nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by its address; a tied parameter has several."""
    return {
        f"{address}.{name}" if address else name: tensor
        for address, module in model.named_modules()
        for name, tensor in chain(module._parameters.items(), module._buffers.items())
        if tensor is not None
    }


def build(
    spec: Spec,
    graph: Graph,
    seed: int = 0,
    device: torch.device | str | None = None,
    dtype: Dtypes = None,
    compile: CompileMode = False,
) -> torch.nn.Module:
    """A model with fresh parameters; equal seeds give equal ones. Training mode, unless frozen or int8."""
    import torch

    wanted = precision(graph, dtype)
    module = emitted(spec, graph)
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        model = module.Model()
        model.initialise(seed)
    finish(model, spec)
    model.to(device=device)
    for address, tensor in tensors_of(model).items():
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(wanted.of(address) or tensor.dtype)
    quantise(model.train(), spec, graph, wanted)
    return compiled(model, graph, compile)
