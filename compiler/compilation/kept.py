"""The packages of one model: those that earlier processes left, or made now, which takes a while."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from compiler.compilation.cpp_compiler import require_compiler
from compiler.compilation.frozen import refusal
from compiler.compilation.packages import Package, machine, open_package
from compiler.compilation.store import Store
from compiler.compilation.undisturbed import WRITTEN, Unchanged
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

LAYOUT = 7
"""Of what is kept; another number makes older packages strangers."""
_OPENING = threading.RLock()
"""Held while a package is looked for and made, so that what several threads ask for is made once."""


class KeptPackages:
    """Opens packages of a model whose weights stay as they are: each holds its own copy of them."""

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self._unchanged = Unchanged(model)
        self._contents: dict[tuple[str, ...], str] = {}

    def require_unchanged(self) -> None:
        """Raise CrossloomError (XL603) when the model computes with other weights than its packages."""
        self._unchanged.require()

    def dtypes(self, addresses: tuple[str, ...]) -> set[torch.dtype]:
        """Those of the weights whose names begin so, integers of eight bits among them."""
        found = {tensor.dtype for name, tensor in _state(self._model) if name.startswith(addresses)}
        return {dtype for dtype in found if dtype.is_floating_point or dtype is torch.int8}

    def open(
        self, what: str, addresses: tuple[str, ...], facts: Mapping[str, Any], make: Callable[[Path], None]
    ) -> Package:
        """The package of these facts.

        `make` writes it to a path where there is none yet, and `what` it is goes to standard error then.
        `addresses` are what the names of the tensors begin with that it holds.

        Raises CrossloomError (XL603) where other weights would be packaged than were there at first, (XL605)
        where packages cannot be kept or opened, (XL606) where they cannot be compiled.
        """
        facts = {"layout": LAYOUT, "model": self._content(addresses), **facts, **machine()}
        store = Store()
        with _OPENING:
            file = store.find(facts)
            if file is None:
                require_compiler()
                if _digest(self._model, addresses) != facts["model"]:  # written to, unseen by torch
                    raise refusal(WRITTEN)
                file = _kept(store, what, facts, make)
        return _opened(file)

    def _content(self, addresses: tuple[str, ...]) -> str:
        if addresses not in self._contents:
            self._contents[addresses] = _digest(self._model, addresses)
        return self._contents[addresses]


def _kept(store: Store, what: str, facts: Mapping[str, Any], make: Callable[[Path], None]) -> Path:
    """Make a package and tell of it."""
    print(f"compiling {what}", file=sys.stderr, flush=True)
    started = time.perf_counter()
    with torch.inference_mode(False), torch.no_grad():
        file = store.keep(facts, make)
    size, took = file.stat().st_size / 1e6, time.perf_counter() - started
    print(f"compiled in {took:.0f} s, {size:.0f} MB kept in {file}", file=sys.stderr, flush=True)
    return file


def _opened(file: Path) -> Package:
    try:
        return open_package(file)
    except RuntimeError as error:
        reason = str(error).strip().partition("\n")[0]
        message = f"the compiled package {file} cannot be opened: {reason}"
        help = "see that the folder that TMPDIR names is there and has room, or delete the package"
        raise CrossloomError([Diagnostic("XL605", Severity.ERROR, message, help=help)]) from error


def _digest(model: Any, addresses: tuple[str, ...]) -> str:
    """Of the model's source, of the dtypes of all its tensors, and of the content of those that are read."""
    digest = hashlib.sha256(sys.modules[type(model).__module__].__dict__["__source__"].encode())
    for name, tensor in _state(model):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        if name.startswith(addresses):
            digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _state(model: Any) -> Iterator[tuple[str, Tensor]]:
    """By each of its names: what is tied has several, and is read by any of them."""
    for named in (model.named_parameters, model.named_buffers):
        for name, tensor in named(remove_duplicate=False):
            yield name, tensor.detach()
