"""Whatever a graph is made of, every tensor of a fresh model is written, from the seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

import crossloom
from compiler.build import execute
from compiler.emission.modeling import modeling_source
from compiler.passes.initialisation import initialised
from compiler.passes.parameters import parameters
from specs.builder import GraphBuilder
from specs.graph import Graph, Ref
from specs.signatures import SIGNATURES, Numbers
from tests.blocks.realise import ALL, numbers
from tests.pairs.tiny import DECODERS, ENCODERS, tiny

RUNS = settings(max_examples=3, suppress_health_check=[HealthCheck.too_slow])


@contextmanager
def unwritten_memory_shows() -> Iterator[None]:
    """What `torch.empty` gives holds nan, or the largest integer, until it is written."""
    torch.use_deterministic_algorithms(True)  # fills fresh memory so
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def alone(kind: str, given_numbers: Numbers) -> Graph:
    """A graph of one block."""
    builder = GraphBuilder(kind)
    inputs = {
        port.name: builder.input(port.name, port.role, ("batch",) * len(port.dims), optional=port.optional)
        for port in SIGNATURES[kind].inputs
    }
    names = [hyper.name for hyper in SIGNATURES[kind].hypers]
    output = builder.node("block", kind, {name: getattr(given_numbers, name) for name in names}, **inputs)
    return parameters(initialised(builder.graph({"hidden": output}, (Ref("block", output.port), None))))


def tensors(model: Any) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def drawn(source: str, seed: int) -> dict[str, Tensor]:
    """The tensors of a fresh model, drawn where torch's own generator stands at `seed`."""
    torch.manual_seed(seed)
    with unwritten_memory_shows():
        model = execute(source).Model()
        model.initialise(7)
    return tensors(model)


def built(path: Path, seed: int) -> dict[str, Tensor]:
    """The same of a spec."""
    torch.manual_seed(seed)
    with unwritten_memory_shows():
        return tensors(crossloom.build(path, seed=7))


def assert_written(first: dict[str, Tensor], again: dict[str, Tensor]) -> None:
    for name, tensor in first.items():
        if tensor.is_floating_point():
            assert bool(tensor.isfinite().all()), f"{name} is left as memory was"
        else:
            assert bool((tensor < 2**62).all()), f"{name} is left as memory was"
        assert torch.equal(tensor, again[name]), f"{name} is drawn from torch's own generator"


@pytest.mark.parametrize("kind", ALL)
@RUNS
@given(data=st.data())
def test_every_block_starts_with_values(kind: str, data: st.DataObject) -> None:
    source = modeling_source(alone(kind, data.draw(numbers(SIGNATURES[kind]))), "")
    assert_written(drawn(source, 0), drawn(source, 1))


@pytest.mark.parametrize("pair", [*((one, "gpt2") for one in ENCODERS), *(("bert", one) for one in DECODERS)])
def test_every_family_starts_with_values(pair: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(tiny(*pair), encoding="utf-8")
    assert_written(built(path, 0), built(path, 1))


def test_a_graph_that_a_spec_writes_starts_with_values(tmp_path: Path) -> None:
    path = tmp_path / "patches.yaml"
    path.write_text(
        """
        crossloom: 1
        name: patches
        encoder:
          graph:
            inputs: {pixel_values: {role: image, dims: [batch, 3, 8, 8]}}
            nodes:
              patches:
                block: patch_embedding
                with: {channels: 3, width: 6, patch_height: 4, patch_width: 4}
                inputs: {image: pixel_values}
              token: {block: leading_token, with: {width: 6}, inputs: {hidden: patches.hidden}}
              queries:
                block: resampler
                with: {source_dim: 6, width: 4, queries: 2, layers: 1, heads: 2, inner: 4}
                inputs: {hidden: token.hidden}
            outputs: {hidden: queries.hidden}
        """,
        encoding="utf-8",
    )
    assert_written(built(path, 0), built(path, 1))
