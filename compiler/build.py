"""From emitted source to a live model: the reviewed bytes are the ones that run."""

from __future__ import annotations

import copyreg
import hashlib
import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from compiler.emission.modeling import modeling_source
from compiler.resolved import digest
from compiler.spec import Spec
from specs.graph import Graph

if TYPE_CHECKING:
    import torch

CompileMode = Literal[False, "fast"]


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
    """A pickle carries the source, so that it opens where the module was never built."""
    return _restore, (sys.modules[type(model).__module__].__dict__["__source__"],), model.__dict__


def _restore(source: str) -> Any:
    model = execute(source).Model
    return model.__new__(model)


def skeleton(spec: Spec, graph: Graph) -> torch.nn.Module:
    """The model with all its parameters on the meta device, in evaluation mode."""
    import torch

    module = execute(modeling_source(graph, digest(spec), spec.explicit))
    with torch.device("meta"), _without_initial_values():
        model = module.Model()
    return finish(model, spec)


@contextmanager
def _without_initial_values() -> Iterator[None]:
    """Modules made on the meta device draw no initial values: they have none, and drawing takes time."""
    from torch import nn

    def only_real(original: Callable[[Any], None]) -> Callable[[Any], None]:
        return lambda module: None if module.weight.is_meta else original(module)

    classes: tuple[Any, ...] = (nn.Linear, nn.Conv1d, nn.Embedding, nn.LayerNorm)
    originals = [cls.__dict__.get("reset_parameters") for cls in classes]
    for cls in classes:
        cls.reset_parameters = only_real(cls.reset_parameters)
    try:
        yield
    finally:
        for cls, original in zip(classes, originals, strict=True):
            if original is None:
                del cls.reset_parameters
            else:
                cls.reset_parameters = original


def finish(model: torch.nn.Module, spec: Spec) -> torch.nn.Module:
    """Attach what the runtime reads: the spec, and the checkpoint's generation defaults (none yet)."""
    model.__dict__["spec"] = spec
    model.__dict__["generation_defaults"] = {}
    return model


def compute_buffers(model: torch.nn.Module, device: torch.device) -> None:
    """Give buffers that are not stored their values, from their formulas, on `device`."""
    modules: Iterator[Any] = model.modules()
    for module in modules:
        if hasattr(module, "reset_buffers"):
            module.to_empty(device=device, recurse=False)
            module.reset_buffers()


def build(
    spec: Spec,
    graph: Graph,
    seed: int = 0,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    compile: CompileMode = False,
) -> torch.nn.Module:
    """A model with fresh parameters, in training mode. Equal seeds give equal parameters."""
    import torch

    module = execute(modeling_source(graph, digest(spec), spec.explicit))
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        model = module.Model()
        model.initialise(seed)
    finish(model, spec)
    model.to(device=device, dtype=dtype)
    return compiled(model, compile).train()


def compiled(model: torch.nn.Module, mode: CompileMode) -> torch.nn.Module:
    """The model with encode and the decode step compiled where asked; names and state dict stay."""
    import torch

    if mode not in (False, "fast"):
        raise ValueError(f"compile takes False or 'fast', not {mode!r}")
    if mode == "fast":
        for method in ("encode", "decode_step"):
            if hasattr(type(model), method):
                model.__dict__[method] = torch.compile(getattr(model, method), fullgraph=True)
    return model
