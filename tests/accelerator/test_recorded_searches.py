"""What a beam search does beside the model is recorded too, and serves one search after another."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import crossloom
from compiler.compilation import recorded_work
from runtime.generation.beam import BeamState
from runtime.generation.result import Step
from tests.accelerator.models import Twins, on_device, twins
from tests.accelerator.pretended import Device
from tests.parity.cases import read_case, save

TOKENS = 30
KINDS: dict[str, dict[str, Any]] = {
    "plain": {"num_beams": 3},
    "with scores": {"num_beams": 3, "num_return_sequences": 2, "return_scores": True},
    "stops early": {"num_beams": 4, "early_stopping": True, "length_penalty": 0.5},
    "never": {"num_beams": 2, "early_stopping": "never", "length_penalty": 2.0},
    "longer is worse": {"num_beams": 3, "length_penalty": -1.0},
    "constrained": {"num_beams": 3, "repetition_penalty": 1.3, "no_repeat_ngram_size": 2},
}


@pytest.fixture
def spoken(device: Device, tmp_path_factory: pytest.TempPathFactory) -> Twins:
    case = read_case(1, save(1, tmp_path_factory.mktemp("long"), {"max_target_positions": 170}))
    inputs = {name: case.batch[name] for name in ("input_features", "attention_mask")}
    return twins(case.ours, crossloom.lower(case.ours.spec), inputs)


@pytest.fixture
def ranked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the host ran each step's ranking for the last token."""
    seen: list[bool] = []
    original = BeamState.rank

    def noted(self: BeamState, log_probs: torch.Tensor, is_last: bool = False) -> None:
        seen.append(is_last)
        original(self, log_probs, is_last)

    monkeypatch.setattr(BeamState, "rank", noted)
    return seen


@pytest.fixture
def ends(spoken: Twins) -> list[int]:
    """Tokens that hypotheses come by, of some at first and of some later."""
    ids: Any = crossloom.generate(spoken.eager, **spoken.inputs, max_new_tokens=TOKENS, num_beams=3)
    return [int(ids[0, 3]), int(ids[1, 9]), int(ids[2, 15])]


def results(both: Twins, **options: Any) -> list[Any]:
    """Ids and, if asked for, scores: of the eager model and of the recorded."""
    found: list[Any] = []
    for model, inputs in ((both.eager, both.inputs), (both.recorded, on_device(both.inputs))):
        made: Any = crossloom.generate(model, **inputs, max_new_tokens=TOKENS, **options)
        found.append([one.cpu() for one in made] if options.get("return_scores") else [made.cpu()])
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_search_finds_what_an_eager_one_finds(spoken: Twins, ends: list[int], kind: str) -> None:
    for _ in range(2):  # recorded, and replayed from its first step
        eager, recorded = results(spoken, eos_token_id=ends, **KINDS[kind])
        assert recorded[0].tolist() == eager[0].tolist()
        for one, other in zip(recorded[1:], eager[1:], strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_recorded_in_the_middle_leaves_the_search_alone(
    spoken: Twins, ends: list[int], kind: str
) -> None:
    """To record, it runs several times."""

    def forget(_: Step) -> None:
        spoken.recordings.forget()

    eager, recorded = results(spoken, eos_token_id=ends, on_step=forget, **KINDS[kind])
    assert recorded[0].tolist() == eager[0].tolist()
    for one, other in zip(recorded[1:], eager[1:], strict=True):
        torch.testing.assert_close(one, other)


def test_the_host_ranks_only_the_last_token_anew(spoken: Twins, ranked: list[bool]) -> None:
    options: dict[str, Any] = {"num_beams": 3, "min_new_tokens": TOKENS, "max_new_tokens": TOKENS}
    for _ in range(2):
        ranked.clear()
        crossloom.generate(spoken.recorded, **on_device(spoken.inputs), **options)
    assert ranked == [True]


def test_a_search_within_a_search_has_work_of_its_own(spoken: Twins) -> None:
    given = on_device(spoken.inputs)
    reversed_given = {name: tensor.flip(0) for name, tensor in given.items()}
    options: dict[str, Any] = {"num_beams": 3, "max_new_tokens": 12}
    alone: list[Any] = [
        crossloom.generate(spoken.recorded, **one, **options) for one in (given, reversed_given)
    ]
    inner: list[Any] = []

    def search_too(step: Step) -> None:
        if step.length == 6:
            inner.append(crossloom.generate(spoken.recorded, **reversed_given, **options))

    outer: Any = crossloom.generate(spoken.recorded, **given, on_step=search_too, **options)
    assert [outer.tolist(), inner[0].tolist()] == [one.tolist() for one in alone]


def test_what_waits_to_be_lent_is_bounded(spoken: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    lender = spoken.recorded.lend_work.__self__
    monkeypatch.setattr(lender, "_limit", 2)
    for tokens in (5, 6, 7, 8):
        crossloom.generate(spoken.recorded, **on_device(spoken.inputs), num_beams=2, max_new_tokens=tokens)
    owners = {key[0] for key in spoken.recordings._held if isinstance(key[0], recorded_work._Recorded)}
    assert len(owners) == 2


def test_what_draws_is_not_recorded(spoken: Twins, ranked: list[bool]) -> None:
    options: dict[str, Any] = {"num_beams": 3, "do_sample": True, "seed": 0, "max_new_tokens": TOKENS}
    crossloom.generate(spoken.recorded, **on_device(spoken.inputs), min_new_tokens=TOKENS, **options)
    assert len(ranked) == TOKENS
