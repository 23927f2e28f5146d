"""What of a decode step a package serves, what is the model's own to decode, and of which weights it is."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

import crossloom
from compiler.compilation import compiled, packaged_steps
from tests.compilation.models import decoded, model_and_inputs
from tests.pairs.test_cells import analysed
from tests.pairs.tiny import TINY, VOCABULARY, tiny
from tests.parity.cases import difference

IDS = torch.tensor([[5], [7]])
HALF = torch.bfloat16


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any, Any]:
    """A model whose step is a package, the same in eager mode, and states of the encoder with a mask."""
    packaged, inputs = model_and_inputs("wav2vec2", "gpt2", compile="max")
    decoded(packaged, inputs, 1, packaged.decode_step)
    eager, _ = model_and_inputs("wav2vec2", "gpt2")
    with torch.no_grad():
        encoded = eager.encode(**inputs)
    mask = torch.ones(encoded.hidden.shape[:2], dtype=torch.int64)
    mask[1, -2:] = 0
    return packaged, eager, type(encoded)(encoded.hidden, mask)


def step(model: Any, encoded: Any, ids: Tensor = IDS) -> Tensor:
    logits: Tensor = model.decode(ids, encoded, cache=model.new_cache(len(ids), 8, encoded=encoded))
    return logits


def own_alone(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    """Let nothing be decoded by a package."""

    def refuse(*_: object) -> None:
        raise AssertionError("a package has decoded")

    monkeypatch.setattr(model.decode_step, "_packages", dict.fromkeys(model.decode_step._packages, refuse))


def test_gradients_are_the_models_own(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged, eager, encoded = pair
    own_alone(monkeypatch, packaged)
    found, expected = (encoded.hidden.clone().requires_grad_() for _ in range(2))
    for model, hidden in ((packaged, found), (eager, expected)):
        hidden.grad = torch.autograd.grad(step(model, type(encoded)(hidden, encoded.mask)).sum(), hidden)[0]
    assert torch.equal(found.grad, expected.grad)
    with torch.no_grad(), pytest.raises(AssertionError, match="a package has decoded"):
        step(packaged, type(encoded)(found, encoded.mask))


@pytest.mark.parametrize("context", [nullcontext(), torch.autocast("cpu", HALF)], ids=["ids", "autocast"])
def test_other_dtypes_are_the_models_own(pair: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged, eager, encoded = pair
    ids = IDS.int() if isinstance(context, nullcontext) else IDS
    own_alone(monkeypatch, packaged)
    with torch.no_grad(), context:
        found, expected = step(packaged, encoded, ids), step(eager, encoded, ids)
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)


@pytest.mark.parametrize("wrong", [VOCABULARY, -1, 2**40])
def test_ids_that_have_no_embedding_are_the_models_own_to_refuse(pair: Any, wrong: int) -> None:
    packaged, eager, encoded = pair
    for model in (packaged, eager):
        with torch.no_grad(), pytest.raises(IndexError, match="index out of range"):
            step(model, encoded, torch.tensor([[5], [wrong]]))


def test_how_a_mask_lies_in_memory_is_no_matter(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged, eager, encoded = pair
    monkeypatch.setattr(packaged.decode_step, "_own", lambda *_: pytest.fail("no package has decoded"))
    with torch.no_grad():
        expected = step(eager, encoded)
        for mask in (encoded.mask, encoded.mask.t().contiguous().t(), encoded.mask.bool()):
            assert difference(step(packaged, type(encoded)(encoded.hidden, mask)), expected) <= 1e-6


@pytest.mark.parametrize("rows", [1, 3])
def test_a_cache_of_other_rows_is_not_written_to(pair: Any, rows: int) -> None:
    packaged, eager, encoded = pair
    for model in (eager, packaged):
        cache = model.new_cache(2, 8, encoded=encoded)
        cache.reserve(1)
        with torch.no_grad(), pytest.raises((RuntimeError, IndexError)):
            model.decode_step(torch.full((rows, 1), 5), encoded, cache)


def test_a_step_that_nothing_was_reserved_for_is_the_models_own(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged, _, encoded = pair
    own_alone(monkeypatch, packaged)
    with torch.no_grad():
        cache = packaged.new_cache(2, 8, encoded=encoded)
        cache.reserve(1)
        with pytest.raises(AssertionError, match="a package has decoded"):
            packaged.decode_step(IDS, encoded, cache)
        cache.position += 1
        packaged.decode_step(IDS, encoded, cache)


@pytest.mark.parametrize("family", ["bart", "mbart"])
def test_weights_that_a_step_shares_are_part_of_what_it_is(family: str) -> None:
    text = yaml.safe_dump(
        {"crossloom": 1, "name": "whole", "model": {"family": family, "config": TINY[family](8)}}
    )
    contents = []
    for value in (0.0, 1.0, 1.0):
        spec, graph = analysed(text).sound()
        model: Any = crossloom.build(spec, seed=1).eval()
        with torch.no_grad():
            model.encoder.embed.tokens.weight[0, 0] = value
        steps: Any = compiled(model, graph, "max").decode_step
        contents.append(steps._kept._content(steps._addresses))
    assert contents[0] != contents[1] == contents[2]


@pytest.mark.parametrize("dtype", [torch.float32, HALF, torch.int8])
def test_products_are_chosen_by_what_is_multiplied(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, graph = analysed(tiny("bert", "gpt2")).sound()
    model = compiled(crossloom.build(spec, dtype={"decoder": dtype}).eval(), graph, "max")
    asked: list[set[torch.dtype]] = []

    def choose(rows: int, weights: set[torch.dtype]) -> dict[str, Any]:
        asked.append(weights)
        raise KeyboardInterrupt

    monkeypatch.setattr(packaged_steps, "options_for", choose)
    steps: Any = model.decode_step
    with pytest.raises(KeyboardInterrupt):
        steps._package(8, 1, None)
    assert dtype in asked[0]
    assert asked[0] <= {dtype, torch.float32, HALF}
