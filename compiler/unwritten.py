"""Modules made without values, for tensors that come from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import get_ident
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

DRAWING: Sequence[type[nn.Module]] = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.ConvTranspose1d,
    nn.Embedding,
    nn.GroupNorm,
    nn.LayerNorm,
)
"""What of torch's modules draws values as it is made."""


class Unreserved(TorchFunctionMode):
    """What `torch.empty` makes in this thread is one element, seen as often as its shape asks for.

    It takes no memory, nor leaves any that an allocator would keep behind it, and cannot be written to.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: object,
        arguments: Sequence[Any] = (),
        keywords: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called for every function of torch."""
        if function is torch.empty and arguments:
            is_one = len(arguments) == 1 and not isinstance(arguments[0], int)
            return torch.empty((), **keywords or {}).expand(arguments[0] if is_one else arguments)
        return function(*arguments, **keywords or {})


@contextmanager
def unwritten(module: ModuleType) -> Iterator[None]:
    """Modules of torch and of an emitted module that this thread makes draw and compute no values."""
    blocks = [value for value in vars(module).values() if isinstance(value, type)]
    computing = [block for block in blocks if "reset_buffers" in vars(block)]
    classes: dict[Any, str] = dict.fromkeys(DRAWING, "reset_parameters")
    classes |= dict.fromkeys(computing, "reset_buffers")
    originals = {cls: cls.__dict__.get(name) for cls, name in classes.items()}
    for cls, name in classes.items():
        setattr(cls, name, _in_other_threads(getattr(cls, name)))
    try:
        yield
    finally:
        for cls, name in classes.items():
            if originals[cls] is None:
                delattr(cls, name)
            else:
                setattr(cls, name, originals[cls])


def _in_other_threads(reset: Callable[[Any], None]) -> Callable[[Any], None]:
    """The same, but nothing in this thread; another may be making a model with values."""
    here = get_ident()

    def guarded(module: Any) -> None:
        if get_ident() != here:
            reset(module)

    return guarded
