"""Logits, losses and ids on CUDA are those of the public implementation there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from tests.cuda.models import KINDS, there
from tests.cuda.place import MODES, PLACE, needs_cuda
from tests.oracle import searched
from tests.parity.cases import LOGITS, LOSS, difference
from tests.seamless.conftest import folders, published  # noqa: F401  # fixtures
from tests.seamless.tasks import LANGUAGE, SPEAKING, Task, require_equal

pytestmark = needs_cuda
ROUNDING = 2.0
"""How much further than the public model ours may lie from float32 in a narrow dtype."""

COMPILED = [(kind, mode) for kind in KINDS for mode in MODES if mode != "fast" or kind == "speech"]
"""What torch compiles takes a while, and other tests hold that for every kind on the CPU."""


@pytest.mark.parametrize("kind", KINDS)
def test_logits_and_loss(kind: str, tmp_path: Path) -> None:
    both = KINDS[kind](tmp_path).placed()
    ids = both.target["decoder_input_ids"].roll(-1, dims=1)
    ids[:, -1] = -100
    labels = ids.masked_fill(ids == both.theirs.config.pad_token_id, -100)
    with torch.no_grad():
        ours, theirs = (one(**both.given, **both.target) for one in (both.ours, both.theirs))
        losses = [float(one(**both.given, labels=labels).loss) for one in (both.ours, both.theirs)]
    assert ours.logits.device.type == PLACE.type
    assert difference(ours.logits, theirs.logits) <= LOGITS
    assert losses[0] == pytest.approx(losses[1], rel=LOSS)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if "trocr" not in kind])
def test_narrow_dtypes_round_no_worse(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    exact = KINDS[kind](tmp_path)  # the public TrOCR keeps float32 positions, which its norms refuse
    narrow = exact.placed(dtype)
    with torch.no_grad():
        expected = exact.theirs(**exact.given, **exact.target).logits
        ours, theirs = (
            one(**narrow.given, **narrow.target).logits.float().cpu() for one in (narrow.ours, narrow.theirs)
        )
    assert ours.isfinite().all()
    limit = ROUNDING * difference(theirs, expected) + torch.finfo(dtype).eps
    assert difference(ours, expected) <= limit


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize(("kind", "mode"), COMPILED, ids=str)
def test_ids(kind: str, mode: Any, beams: int, tmp_path: Path) -> None:
    both = KINDS[kind](tmp_path).placed(mode=mode)
    for _ in range(2):
        ours, theirs = searched(both.ours, both.theirs, both.asked, length=8, beams=beams)
        assert ours == theirs


@pytest.mark.parametrize("mode", MODES)
def test_a_row_that_is_all_padding_leaves_the_others_alone(mode: Any, tmp_path: Path) -> None:
    both = KINDS["speech"](tmp_path).placed(mode=mode)
    mask = both.given["attention_mask"].clone()
    mask[1] = 0
    others = torch.tensor([0, 2], device=PLACE)
    with torch.no_grad():
        for given in (both.given, {**both.given, "attention_mask": mask}):
            logits = both.ours(**given, **both.target).logits
            expected = both.theirs(**both.given, **both.target).logits
            assert logits.isfinite().all()
            assert difference(logits[others], expected[others]) <= LOGITS


@pytest.mark.parametrize("task", SPEAKING[:2], ids=str)
def test_speech_from_speech_and_from_text(
    task: Task,
    folders: Callable[..., Path],  # noqa: F811
    published: Callable[..., Any],  # noqa: F811
) -> None:
    theirs = published(0, task.architecture)
    batch = there(task.batch(theirs.config, 0))
    ours = crossloom.from_pretrained(folders(0, task.architecture), device=PLACE)
    try:
        require_equal(ours, theirs.to(PLACE), task, **batch, tgt_lang=LANGUAGE)
    finally:
        theirs.to("cpu")  # which other tests share
