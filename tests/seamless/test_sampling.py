"""Drawn units follow the published scores, drawn texts their seed; the same seed draws the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.seamless.conftest import Live, Published
from tests.seamless.oracle import MULTITASK, silent_units
from tests.seamless.tasks import LANGUAGE, SPEAKING, Task, our_translation, published_translation, recorded

every_task = pytest.mark.parametrize("task", SPEAKING, ids=str)
DRAWN = {"speech_do_sample": True, "speech_temperature": 0.7}


def given_of(task: Task, config: Any) -> dict[str, Any]:
    return {**task.batch(config, 1), "tgt_lang": LANGUAGE}


@every_task
def test_units_are_drawn_as_their_scores_say(live: Live, published: Published, task: Task) -> None:
    """Of 400 draws at every place, the frequencies lie around the published probabilities.

    Those of units that the vocoder does not have are 0: the published code draws them, and fails.
    """
    theirs, ours = published(1, task.architecture), live(1, task.architecture)
    one = {name: value[:1] for name, value in task.batch(theirs.config, 1).items()}
    with recorded(theirs, {"scores": "t2u_model.lm_head"}) as seen:
        published_translation(theirs, task, **one, tgt_lang=LANGUAGE)
    scores = seen["scores"][0].double()
    scores[:, silent_units(theirs.config)] = -torch.inf
    expected = (scores / DRAWN["speech_temperature"]).softmax(-1)  # [U, V]
    draws = 400
    many = {name: value.repeat(draws, *[1] * (value.dim() - 1)) for name, value in one.items()}
    units = our_translation(ours, task, **many, tgt_lang=LANGUAGE, **DRAWN, speech_seed=0).unit_sequences
    counts = torch.nn.functional.one_hot(units, expected.shape[-1]).sum(0).double()
    # Pearson's statistic of every place, over units that are not too rare, against its degrees of freedom.
    common = expected * draws >= 5
    statistic = ((counts - expected * draws) ** 2 / (expected * draws))[common].sum()
    freedom = int(common.sum()) - int(common.any(-1).sum())
    assert freedom > 20
    assert abs(float(statistic) - freedom) < 5 * (2 * freedom) ** 0.5
    assert not counts[:, silent_units(theirs.config)].any()
    flat = scores.softmax(-1)
    other = ((counts - flat * draws) ** 2 / (flat * draws))[common].sum()
    assert float(other) > freedom + 20 * (2 * freedom) ** 0.5, "another temperature would be told apart"


@every_task
def test_a_seed_draws_the_same_units(live: Live, published: Published, task: Task) -> None:
    ours = live(1, task.architecture)
    given = given_of(task, published(1).config)
    best = our_translation(ours, task, **given)
    first, again, other = (
        our_translation(ours, task, **given, **DRAWN, speech_seed=seed) for seed in (3, 3, 4)
    )
    assert torch.equal(first.unit_sequences, again.unit_sequences)
    assert torch.equal(first.waveform, again.waveform)
    assert first.unit_sequences.shape == best.unit_sequences.shape, "durations are not drawn"
    assert not torch.equal(first.unit_sequences, other.unit_sequences)
    assert not torch.equal(first.unit_sequences, best.unit_sequences)
    for made in (first, other):
        assert torch.equal(made.sequences, best.sequences), "the text is not drawn"


@every_task
def test_options_without_a_prefix_draw_both(live: Live, published: Published, task: Task) -> None:
    ours = live(1, task.architecture)
    given = given_of(task, published(1).config)
    options = {"do_sample": True, "temperature": 0.7, "seed": 5}
    both = our_translation(ours, task, **given, **options)
    text = our_translation(ours, task, **given, **{f"text_{name}": one for name, one in options.items()})
    assert torch.equal(both.sequences, text.sequences)
    assert not torch.equal(both.unit_sequences, text.unit_sequences)
    best = our_translation(ours, task, **given)
    assert not torch.equal(both.sequences, best.sequences)
    still = our_translation(ours, task, **given, **options, speech_do_sample=False)
    assert torch.equal(still.unit_sequences, text.unit_sequences)


@every_task
def test_without_a_temperature_the_best_are_taken(live: Live, published: Published, task: Task) -> None:
    """As published: `do_sample` alone leaves the best units, and draws texts."""
    theirs, ours = published(1, task.architecture), live(1, task.architecture)
    given = given_of(task, theirs.config)
    made = our_translation(ours, task, **given, speech_do_sample=True)
    expected = published_translation(theirs, task, **given, speech_do_sample=True)
    assert torch.equal(made.unit_sequences, expected.unit_sequences)


def test_several_drawn_texts_are_each_said(live: Live, published: Published) -> None:
    task = SPEAKING[1]
    ours = live(1, task.architecture)
    given = given_of(task, published(1).config)
    made = our_translation(ours, task, **given, text_do_sample=True, text_seed=0, text_num_return_sequences=3)
    assert len(made.sequences) == len(made.unit_sequences) == len(made.waveform_lengths) == 9
    assert len(torch.unique(made.sequences, dim=0)) > 3


def test_an_option_of_the_units_alone_goes_first(live: Live, published: Published) -> None:
    """At a temperature near 0 the best units are drawn, whatever the texts are drawn at."""
    task = Task(MULTITASK, "text", True)
    given = {**given_of(task, published(1).config), "do_sample": True, "seed": 3}
    drawn = our_translation(live(1), task, **given, temperature=5.0, speech_temperature=1e-3)
    best = our_translation(live(1), task, **given, temperature=5.0, speech_do_sample=False)
    other = our_translation(live(1), task, **given, temperature=5.0)
    assert torch.equal(drawn.sequences, best.sequences)
    assert torch.equal(drawn.unit_sequences, best.unit_sequences)
    assert torch.equal(other.sequences, best.sequences)
    assert not torch.equal(other.unit_sequences, best.unit_sequences)
