"""Models that are made for tensors from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
import torch
from torch import nn

import crossloom
from compiler.build import skeleton, tensors_of
from compiler.unwritten import DRAWING, Unreserved

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(3))
def test_a_skeleton_has_shapes_and_no_memory(specs: Callable[[int], crossloom.Spec], seed: int) -> None:
    spec = specs(seed)
    graph = crossloom.lower(spec)
    tensors = tensors_of(skeleton(spec, graph))
    built = tensors_of(crossloom.build(spec))
    assert {address: one.shape for address, one in tensors.items()} == {
        address: one.shape for address, one in built.items()
    }
    assert {address: one.dtype for address, one in tensors.items()} == {
        address: one.dtype for address, one in built.items()
    }
    assert all(one.untyped_storage().nbytes() <= one.itemsize for one in tensors.values())


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_every_shape_in_every_way_of_asking_for_it(shape: tuple[int, ...]) -> None:
    with Unreserved():
        asked = [torch.empty(shape), torch.empty(torch.Size(shape)), torch.empty(size=shape)]
        asked += [torch.empty(*shape)] if shape else []
        narrow = torch.empty(shape, dtype=torch.int8)
    assert all(one.shape == shape and one.dtype == torch.get_default_dtype() for one in asked)
    assert narrow.dtype == torch.int8


def test_another_thread_has_memory_to_write_to() -> None:
    made: list[nn.Linear] = []
    with Unreserved():
        thread = Thread(target=lambda: made.append(nn.Linear(3, 5)))
        thread.start()
        thread.join()
        assert nn.Parameter(torch.empty(3, 5)).untyped_storage().nbytes() == 4
    (layer,) = made
    assert layer.weight.untyped_storage().nbytes() == 60


def test_every_module_of_torch_that_blocks_are_made_of_draws_nothing() -> None:
    sources = [path for folder in ("blocks", "specs", "generated") for path in (ROOT / folder).rglob("*.py")]
    named = {name for path in sources for name in re.findall(r"\bnn\.([A-Z]\w+)", path.read_text())}
    kinds = [kind for kind in (getattr(nn, name, None) for name in named) if isinstance(kind, type)]
    drawing = [kind for kind in kinds if hasattr(kind, "reset_parameters")]
    assert nn.ConvTranspose1d in drawing
    assert [kind for kind in drawing if not issubclass(kind, tuple(DRAWING))] == []
