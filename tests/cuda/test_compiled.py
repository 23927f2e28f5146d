"""Compiled models on CUDA: what eager mode gives, recorded once, and frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from blocks.cache import BUCKET
from tests.cuda.models import KINDS, Both, there
from tests.cuda.place import IS_CUDA, MODES, PLACE, needs_cuda
from tests.parity.cases import LOGITS, difference

pytestmark = needs_cuda
STEPS = 150


def steps_of(both: Both) -> Tensor:
    """Logits of so many steps that several buckets are passed."""
    ids = torch.randint(4, 40, (3, STEPS), generator=torch.Generator().manual_seed(0)).to(PLACE)
    with torch.no_grad():
        encoded = both.ours.encode(**both.asked)
        cache = both.ours.new_cache(3, STEPS, encoded)
        steps = [both.ours.decode(ids[:, t : t + 1], encoded, cache) for t in range(STEPS)]
    return torch.cat(steps, dim=1)


@contextmanager
def counted_graphs() -> Iterator[list[int]]:
    """How many CUDA graphs are captured meanwhile."""
    made: list[int] = []
    original: Any = torch.cuda.CUDAGraph

    def counting(*args: Any, **named: Any) -> Any:
        made.append(1)
        return original(*args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "CUDAGraph", counting)
        yield made


@contextmanager
def no_stall() -> Iterator[None]:
    """Whatever waits for the device is an error meanwhile."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("mode", MODES)
def test_steps_are_those_of_eager_mode(mode: Any, tmp_path: Path) -> None:
    both = KINDS["speech"](tmp_path)
    assert difference(steps_of(both.placed(mode=mode)), steps_of(both.placed())) <= LOGITS


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "fast"])
def test_every_dtype_generates(mode: Any, dtype: torch.dtype, tmp_path: Path) -> None:
    both = KINDS["texts, bart twice"](tmp_path).placed(dtype, mode)
    for beams in (1, 3):
        first, second = (
            crossloom.generate(both.ours, **both.asked, max_new_tokens=8, num_beams=beams) for _ in range(2)
        )
        assert isinstance(first, Tensor)
        assert isinstance(second, Tensor)
        assert first.tolist() == second.tolist()
        assert first.device.type == PLACE.type


@pytest.mark.skipif(not IS_CUDA, reason="only CUDA records graphs")
def test_graphs_are_captured_once(tmp_path: Path) -> None:
    both = KINDS["speech"](tmp_path).placed(mode="max")
    with counted_graphs() as made:
        first = steps_of(both)
        assert len(made) == -(-STEPS // BUCKET), "one for each bucket; the encoder's shape is new"
        second = steps_of(both)
        assert len(made) == -(-STEPS // BUCKET) + 1, "and one for the encoder, whose shape came again"
        third = steps_of(both)
        assert len(made) == -(-STEPS // BUCKET) + 1
    assert torch.equal(second, third)
    assert difference(first, second) <= LOGITS


@pytest.mark.skipif(not IS_CUDA, reason="only CUDA tells what waits for it")
@pytest.mark.parametrize("mode", MODES)
def test_steps_wait_for_nothing(mode: Any, tmp_path: Path) -> None:
    """Between two looks at the device."""
    both = KINDS["speech"](tmp_path).placed(mode=mode)
    parents = torch.arange(9, device=PLACE)
    with torch.no_grad():
        encoded = both.ours.encode(**both.asked)

        def search(meanwhile: Callable[[], AbstractContextManager[None]]) -> None:
            cache = both.ours.new_cache(9, 40, encoded, beams=3)
            ids = torch.full((9, 1), 5, device=PLACE)
            both.ours.decode(ids, encoded, cache)
            cache.reorder(parents)
            with meanwhile():
                for _ in range(30):
                    scores = both.ours.decode(ids, encoded, cache)[:, -1].float().log_softmax(dim=-1)
                    ids = scores.argmax(dim=-1)[:, None]
                    cache.reorder(parents)

        search(nullcontext)  # to compile may wait, and every bucket is compiled for itself
        search(no_stall)


@pytest.mark.skipif(not IS_CUDA, reason="only CUDA records graphs")
def test_a_model_that_recorded_stays_where_it_is(tmp_path: Path) -> None:
    both = KINDS["texts, bart twice"](tmp_path).placed(mode="max")
    for change in (both.ours.cpu, both.ours.half, both.ours.train):
        with pytest.raises(crossloom.CrossloomError, match="cannot be"):
            change()
    with pytest.raises(crossloom.CrossloomError, match="other weights"):
        both.ours.load_state_dict(both.ours.state_dict())
    crossloom.generate(both.ours, **both.asked, max_new_tokens=4)


@pytest.mark.parametrize("mode", MODES)
def test_compiled_as_it_is_loaded(mode: Any, tmp_path: Path) -> None:
    """Through the public names."""
    both = KINDS["speech"](tmp_path)
    loaded = crossloom.from_pretrained(tmp_path, device=PLACE, compile=mode)
    asked = there(both.asked)
    ids = crossloom.generate(loaded, **asked, max_new_tokens=20, num_beams=3)
    expected = crossloom.generate(both.placed().ours, **asked, max_new_tokens=20, num_beams=3)
    assert isinstance(ids, Tensor)
    assert isinstance(expected, Tensor)
    assert ids.tolist() == expected.tolist()
