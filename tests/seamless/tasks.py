"""The tasks of every published class, done by the public model and by ours, and what may differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor

import crossloom
from runtime.translation import Translation
from tests.seamless.maps import SPOKEN
from tests.seamless.oracle import MULTITASK, speech_batch, text_batch

WAVEFORM = 1e-4
"""Largest |a - b| of samples, which are between -1 and 1."""
_TIE = 1e-5
"""Relative difference of two scores in double precision below which either may be the best."""

LANGUAGE, SPEAKER = SPOKEN[1], 2


class Task(NamedTuple):
    """What a class is given, and whether it answers in speech."""

    architecture: str
    given: str
    speaks: bool

    def __str__(self) -> str:
        name = self.architecture.removeprefix("SeamlessM4Tv2")
        return f"{name}-{self.given}-to-{'speech' if self.speaks else 'text'}"

    def batch(self, config: Any, seed: int, rows: int = 3) -> dict[str, Tensor]:
        """A padded batch of what is given; the first row fills it."""
        return (speech_batch if self.given == "speech" else text_batch)(config, seed, rows)


TASKS = (
    *(Task(MULTITASK, given, speaks) for given in ("speech", "text") for speaks in (False, True)),
    Task("SeamlessM4Tv2ForTextToText", "text", False),
    Task("SeamlessM4Tv2ForSpeechToText", "speech", False),
    Task("SeamlessM4Tv2ForTextToSpeech", "text", True),
    Task("SeamlessM4Tv2ForSpeechToSpeech", "speech", True),
)
SPEAKING = tuple(task for task in TASKS if task.speaks)
WRITING = tuple(task for task in TASKS if not task.speaks)


def published_translation(model: Any, task: Task, **arguments: Any) -> Any:
    """What the public model makes of a batch and its options."""
    if not task.speaks:
        made = model.generate(
            **arguments, **({"generate_speech": False} if task.architecture == MULTITASK else {})
        )
        return Translation(made if isinstance(made, Tensor) else made.sequences)
    made = model.generate(**arguments, return_intermediate_token_ids=True)
    rows = len(made.unit_sequences)
    return Translation(
        made.sequences,
        made.unit_sequences,
        made.waveform.reshape(rows, -1),
        made.waveform_lengths.reshape(rows),  # of one row the public one has no dimension
    )


def our_translation(model: Any, task: Task, **arguments: Any) -> Any:
    """What ours makes of the same."""
    return crossloom.translate(model, **arguments, generate_speech=task.speaks)


def require_equal(ours: Any, theirs: Any, task: Task, **arguments: Any) -> Any:
    """Translate with both, hold one against the other, and give the public translation.

    Text ids, units and lengths are equal, waveforms to 1e-4. Units and durations that differ count only where
    double precision says that either is right, which is printed.
    """
    expected = published_translation(theirs, task, **arguments)
    made = our_translation(ours, task, **arguments)
    assert torch.equal(made.sequences, expected.sequences), "text ids"
    if not task.speaks:
        assert made[1:] == (None, None, None)
        return expected
    assert made.waveform_lengths.shape == (len(made.sequences),)
    if _same(made.unit_sequences, expected.unit_sequences) and _same(
        made.waveform_lengths, expected.waveform_lengths
    ):
        assert made.waveform.shape == expected.waveform.shape
        assert float((made.waveform - expected.waveform).abs().max()) <= WAVEFORM
    else:
        assert is_near_tie(ours, theirs, task, **arguments), "units, durations or lengths"
    return expected


def _same(ours: Tensor | None, theirs: Tensor | None) -> bool:
    return ours is not None and theirs is not None and torch.equal(ours, theirs)


_THEIR_STAGES = {
    "durations": "t2u_model.model.decoder.duration_predictor",
    "units": "t2u_model.lm_head",
    "frames": "vocoder.dur_predictor",
}
_OUR_STAGES = {"durations": "unit_decoder.durations", "units": "unit_head", "frames": "vocoder.durations"}
"""What is rounded or chosen, in order -> the module that gives it."""


def is_near_tie(ours: Any, theirs: Any, task: Task, **arguments: Any) -> bool:
    """Whether the first stage that differs could go either way, as double precision has it; prints which."""
    with recorded(ours, _OUR_STAGES) as made:
        our_translation(ours, task, **arguments)
    exact = deepcopy(theirs).double()
    doubled = {name: _doubled(value) for name, value in arguments.items()}
    with recorded(exact, _THEIR_STAGES) as expected:
        published_translation(exact, task, **doubled)
    for stage in _OUR_STAGES:
        chosen, scores = made[stage], expected[stage]
        if stage == "units":
            chosen, best = chosen.argmax(-1), scores.argmax(-1)
        else:
            best = (scores.expm1().round().long().clamp(min=1)) * (chosen > 0)
        differing = chosen != best if chosen.shape == best.shape else None
        if differing is None or not differing.any():
            continue
        distances = (
            unit_distance(scores[differing], chosen[differing])
            if stage == "units"
            else duration_distance(scores[differing].expm1())
        )
        print(f"{task}: {stage} that differ lie {distances.tolist()} apart in float64")
        return bool((distances < _TIE).all())
    return False


def unit_distance(scores: Tensor, chosen: Tensor) -> Tensor:
    """How far the scores [N, V] of chosen units [N] lie below the best, relative to these."""
    best = scores.max(-1).values
    return (best - scores.gather(-1, chosen.unsqueeze(-1)).squeeze(-1)) / best.abs().clamp(min=1)


def duration_distance(exact: Tensor) -> Tensor:
    """How far durations, not yet rounded, lie from the middle of two, relative to them."""
    return ((exact - 0.5) - (exact - 0.5).round()).abs() / exact.abs().clamp(min=1)


@contextmanager
def recorded(model: Any, stages: Mapping[str, str]) -> Iterator[dict[str, Tensor]]:
    """What the modules of a model's stages give while it runs, the last time they run."""
    seen: dict[str, Tensor] = {}

    def keep(stage: str) -> Any:
        return lambda _, __, result: seen.__setitem__(stage, result.detach().clone())

    hooks = [
        model.get_submodule(address).register_forward_hook(keep(stage)) for stage, address in stages.items()
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _doubled(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value
