"""The five tasks end to end against the public classes: text ids, units, waveforms, lengths."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import crossloom
from tests.oracle import ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE
from tests.seamless.conftest import Live, Published
from tests.seamless.maps import SPOKEN, WRITTEN
from tests.seamless.oracle import MULTITASK
from tests.seamless.settings import SEEDS
from tests.seamless.tasks import (
    LANGUAGE,
    SPEAKER,
    SPEAKING,
    TASKS,
    WAVEFORM,
    WRITING,
    Task,
    duration_distance,
    is_near_tie,
    our_translation,
    published_translation,
    require_equal,
    unit_distance,
)

each = pytest.mark.parametrize("seed", SEEDS)
few = pytest.mark.parametrize("seed", [ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE])
every_task = pytest.mark.parametrize("task", TASKS, ids=str)

SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beams": {"num_beams": 4},
    "several": {"num_beams": 3, "num_return_sequences": 2},
}


def asked(task: Task) -> dict[str, Any]:
    """The usual language, and where there is a voice the usual one."""
    return {"tgt_lang": LANGUAGE} | ({"speaker_id": SPEAKER} if task.speaks else {})


@each
@every_task
@pytest.mark.parametrize("search", SEARCHES)
def test_padded_batch(live: Live, published: Published, seed: int, task: Task, search: str) -> None:
    theirs = published(seed, task.architecture)
    batch = task.batch(theirs.config, seed)
    made = require_equal(
        live(seed, task.architecture), theirs, task, **batch, **asked(task), **SEARCHES[search]
    )
    rows = 3 * SEARCHES[search].get("num_return_sequences", 1)
    assert len(made.sequences) == rows


@few
@every_task
@pytest.mark.parametrize("masked", [True, False], ids=["mask", "no-mask"])
def test_a_batch_of_one(live: Live, published: Published, seed: int, task: Task, masked: bool) -> None:
    theirs = published(seed, task.architecture)
    batch = task.batch(theirs.config, seed, rows=1)
    if not masked:
        del batch["attention_mask"]
    require_equal(live(seed, task.architecture), theirs, task, **batch, **asked(task))


@pytest.mark.parametrize("task", [task for task in TASKS if task.given == "speech"], ids=str)
def test_without_a_mask_padding_is_heard(live: Live, published: Published, task: Task) -> None:
    theirs = published(1, task.architecture)
    features = task.batch(theirs.config, 1)["input_features"]
    require_equal(live(1, task.architecture), theirs, task, input_features=features, **asked(task))


@few
@pytest.mark.parametrize("language", WRITTEN)
def test_every_language_is_written(live: Live, published: Published, seed: int, language: str) -> None:
    for task in WRITING:
        theirs, ours = published(seed, task.architecture), live(seed, task.architecture)
        batch = task.batch(theirs.config, seed)
        made = require_equal(ours, theirs, task, **batch, tgt_lang=language)
        code = theirs.generation_config.text_decoder_lang_to_code_id[language]
        assert made.sequences[:, 1].tolist() == [code] * 3
        spelt = our_translation(ours, task, **batch, tgt_lang=f"__{language}__")
        assert torch.equal(spelt.sequences, made.sequences)


@few
def test_every_language_is_spoken(live: Live, published: Published, seed: int) -> None:
    task = Task(MULTITASK, "text", True)
    theirs, ours = published(seed), live(seed)
    batch = task.batch(theirs.config, seed)
    for language in SPOKEN:
        made = require_equal(ours, theirs, task, **batch, tgt_lang=language)
        spelt = our_translation(ours, task, **batch, tgt_lang=f"__{language}__")
        assert float((spelt.waveform - made.waveform).abs().max()) <= WAVEFORM


@few
def test_every_speaker_has_a_voice(live: Live, published: Published, seed: int) -> None:
    task = Task(MULTITASK, "speech", True)
    theirs, ours = published(seed), live(seed)
    batch = task.batch(theirs.config, seed, rows=1)
    speakers = range(theirs.config.vocoder_num_spkrs)
    voices = [
        require_equal(ours, theirs, task, **batch, tgt_lang=LANGUAGE, speaker_id=speaker).waveform
        for speaker in speakers
    ]
    assert len({tuple(voice.flatten().tolist()) for voice in voices}) == len(speakers)
    usual = our_translation(ours, task, **batch, tgt_lang=LANGUAGE).waveform
    assert float((usual - voices[0]).abs().max()) <= WAVEFORM


@pytest.mark.parametrize("task", WRITING, ids=str)
def test_a_prompt_in_place_of_a_language(live: Live, published: Published, task: Task) -> None:
    for seed in SEEDS:
        theirs, ours = published(seed, task.architecture), live(seed, task.architecture)
        batch = task.batch(theirs.config, seed)
        code = theirs.generation_config.text_decoder_lang_to_code_id[LANGUAGE]
        prompt = torch.tensor([[code, 7]] * 3)
        made = require_equal(ours, theirs, task, **batch, decoder_input_ids=prompt)
        assert made.sequences[:, 1:3].tolist() == prompt.tolist()
        both = require_equal(ours, theirs, task, **batch, decoder_input_ids=prompt, tgt_lang="kan")
        assert (both.sequences[:, 1] != code).all(), "a language goes before a prompt"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_options_go_where_their_prefix_says(live: Live, published: Published, seed: int) -> None:
    task = Task(MULTITASK, "text", True)
    theirs, ours = published(seed), live(seed)
    given = {**task.batch(theirs.config, seed), **asked(task)}
    for options in (
        {"text_num_beams": 3},
        {"num_beams": 3, "text_num_beams": 1},
        {"text_max_new_tokens": 4, "max_new_tokens": 9},
        {"max_new_tokens": 5},
        {"text_num_beams": 2, "text_length_penalty": -2.0, "speech_do_sample": True},
        {"speech_do_sample": True},
        {"speech_do_sample": True, "speech_temperature": 1.0, "text_repetition_penalty": 1.3},
    ):
        require_equal(ours, theirs, task, **given, **options)


@every_task
def test_a_translation_may_be_written_to(live: Live, published: Published, task: Task) -> None:
    batch = task.batch(published(1, task.architecture).config, 1)
    made = our_translation(live(1, task.architecture), task, **batch, **asked(task))
    assert not any(tensor.is_inference() for tensor in made if tensor is not None)


@pytest.mark.parametrize("task", SPEAKING, ids=str)
def test_speech_without_the_ids_it_is_made_of(live: Live, published: Published, task: Task) -> None:
    theirs, ours = published(2, task.architecture), live(2, task.architecture)
    given = {**task.batch(theirs.config, 2), **asked(task)}
    waveform, lengths = theirs.generate(**given)
    made = our_translation(ours, task, **given, return_intermediate_token_ids=False)
    assert (made.sequences, made.unit_sequences) == (None, None)
    assert float((made.waveform - waveform).abs().max()) <= WAVEFORM
    assert made.waveform_lengths.tolist() == lengths.tolist()


@every_task
def test_a_model_that_can_speak_speaks(live: Live, published: Published, task: Task) -> None:
    theirs, ours = published(3, task.architecture), live(3, task.architecture)
    given = {**task.batch(theirs.config, 3), "tgt_lang": LANGUAGE}
    made: Any = crossloom.translate(ours, **given)
    speaks = task.architecture == MULTITASK or task.speaks
    assert (made.waveform is not None) is speaks
    assert torch.equal(made.sequences, published_translation(theirs, task, **given).sequences)


def test_a_near_tie_is_told_from_a_mistake(live: Live, published: Published) -> None:
    scores = torch.tensor([[1.0, 3.0, 3.0 - 1e-6]], dtype=torch.float64)
    assert unit_distance(scores, torch.tensor([2])) < 1e-5
    assert unit_distance(scores, torch.tensor([0])) > 0.5
    assert duration_distance(torch.tensor(2.5 - 1e-6)) < 1e-5
    assert duration_distance(torch.tensor(2.3)) > 0.05
    task = Task(MULTITASK, "text", True)
    theirs = published(1)
    given = {**task.batch(theirs.config, 1), **asked(task)}
    assert not is_near_tie(live(1), theirs, task, **given), "nothing differs"
    hook = live(1).unit_head.register_forward_hook(lambda _, __, scores: -scores)
    assert not is_near_tie(live(1), theirs, task, **given), "the worst units"
    hook.remove()
