"""The option schema, the layers it is merged from, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from transformers import GenerationConfig

from specs.generation import (
    CHECKPOINT_FIELDS,
    INERT_FIELDS,
    OPTION_NAMES,
    REFUSED_FIELDS,
    GenerationOptions,
    idle_options,
)
from specs.generation.layers import check_section, resolve
from specs.generation.lengths import Lengths, resolve_lengths

CONFIG = {"vocab_size": 50, "pad_token_id": 1, "eos_token_id": 2}


def merged(call: dict[str, Any], **layers: Any) -> GenerationOptions:
    resolution = resolve(call, **layers)
    assert not resolution.problems
    assert resolution.options is not None
    return resolution.options


def codes(call: dict[str, Any], **layers: Any) -> list[str]:
    return [problem.code for problem in resolve(call, **layers).problems]


def test_every_field_of_the_published_class_is_an_option_inert_or_refused() -> None:
    published = set(GenerationConfig().to_dict()) - {"continuous_batching_config"}
    assert published <= CHECKPOINT_FIELDS
    assert OPTION_NAMES.isdisjoint(INERT_FIELDS)
    assert OPTION_NAMES.isdisjoint(REFUSED_FIELDS)


def test_defaults_are_the_published_ones() -> None:
    published = GenerationConfig._get_default_generation_params()
    ours = GenerationOptions().model_dump()
    del published["max_length"], published["use_cache"]
    for name, value in published.items():
        if name in OPTION_NAMES:
            assert ours[name] == value, name
        elif name in REFUSED_FIELDS:
            assert value in REFUSED_FIELDS[name], name


def test_every_option_is_described() -> None:
    assert [name for name, field in GenerationOptions.model_fields.items() if not field.description] == []


def test_precedence() -> None:
    layers: dict[str, dict[str, Any]] = {
        "spec": {"num_beams": 3, "length_penalty": 2.0},
        "checkpoint": {"num_beams": 5, "length_penalty": 0.5, "early_stopping": True, "eos_token_id": 7},
        "config": CONFIG,
    }
    options = merged({"num_beams": 2}, **layers)
    assert (options.num_beams, options.length_penalty, options.early_stopping) == (2, 2.0, True)
    assert (options.eos_token_id, options.pad_token_id) == (7, 1)


def test_none_in_the_call_turns_an_option_off_and_in_a_checkpoint_means_unset() -> None:
    checkpoint = {"forced_bos_token_id": 5, "top_k": None, "eos_token_id": None}
    assert merged({}, checkpoint=checkpoint).forced_bos_token_id == 5
    assert merged({}, checkpoint=checkpoint, config=CONFIG).eos_token_id == 2
    assert merged({"forced_bos_token_id": None}, checkpoint=checkpoint).forced_bos_token_id is None
    assert merged({}, checkpoint=checkpoint).top_k == 50
    assert merged({"do_sample": True, "top_k": None}).top_k is None


@pytest.mark.parametrize(
    ("call", "checkpoint", "expected"),
    [
        ({"max_new_tokens": 5}, {}, Lengths(0, 7)),
        ({"max_length": 9}, {}, Lengths(0, 9)),
        ({"max_length": 9, "max_new_tokens": None}, {}, Lengths(0, 9)),
        ({}, {"max_length": 9, "max_new_tokens": 5}, Lengths(0, 7)),
        ({"max_new_tokens": 5}, {"max_length": 9}, Lengths(0, 7)),
        ({"max_length": 9}, {"max_new_tokens": 5}, Lengths(0, 9)),
        ({"min_length": 4}, {"max_length": 9, "min_new_tokens": 1}, Lengths(4, 9)),
        ({"min_new_tokens": 4}, {"max_length": 9, "min_length": 1}, Lengths(6, 9)),
    ],
)
def test_lengths(call: dict[str, Any], checkpoint: dict[str, Any], expected: Lengths) -> None:
    lengths, problems = resolve_lengths(merged(call, checkpoint=checkpoint), 2, 40)
    assert problems == []
    assert lengths == expected


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({}, "XL408"),
        ({"max_length": 41}, "XL405"),
        ({"max_new_tokens": 39}, "XL405"),
        ({"max_length": 2}, "XL407"),
        ({"max_length": 8, "min_length": 9}, "XL407"),
        ({"max_new_tokens": 8, "min_new_tokens": 9}, "XL407"),
    ],
)
def test_lengths_that_cannot_be(call: dict[str, Any], code: str) -> None:
    _, problems = resolve_lengths(merged(call), 2, 40)
    assert [problem.code for problem in problems] == [code]
    assert problems[0].help


@pytest.mark.parametrize(
    "call",
    [
        {"num_beams": 2.0},
        {"num_beams": True},
        {"num_beams": "2"},
        {"num_beams": 0},
        {"num_beams": None},
        {"max_length": 0},
        {"max_new_tokens": -1},
        {"min_length": -1},
        {"do_sample": 1},
        {"early_stopping": "Never"},
        {"early_stopping": 1},
        {"length_penalty": "1"},
        {"length_penalty": float("nan")},
        {"temperature": 0.0, "do_sample": True},
        {"top_p": 1.5, "do_sample": True},
        {"top_k": -1, "do_sample": True},
        {"repetition_penalty": 0.0},
        {"suppress_tokens": [True]},
        {"suppress_tokens": 3},
        {"bad_words_ids": []},
        {"bad_words_ids": [[]]},
        {"bad_words_ids": [3]},
        {"sequence_bias": [[[1], "2"]]},
        {"eos_token_id": "2"},
        {"eos_token_id": -1},
        {"forced_eos_token_id": [2.0]},
        {"seed": -1},
        {"num_return_sequences": 2},
        {"num_return_sequences": 4, "num_beams": 3},
        {"temperature": 0.5},
        {"top_p": 0.5, "num_beams": 4},
        {"forced_bos_token_id": 3, "suppress_tokens": [3, 4]},
        {"forced_eos_token_id": [3, 4], "suppress_tokens": [3, 4, 5]},
        {"exponential_decay_length_penalty": [1, 1.5]},
        {"length_penalty": 2.0},
        {"early_stopping": True},
        {"early_stopping": "never", "num_beams": 1},
        {"length_penalty": 0.5, "do_sample": True},
        {"max_length": 9, "max_new_tokens": 5},
        {"min_length": 2, "min_new_tokens": 1},
    ],
)
def test_values_that_cannot_be(call: dict[str, Any]) -> None:
    problems = resolve(call).problems
    assert [problem.code for problem in problems] == ["XL407"]
    assert problems[0].message
    assert problems[0].help


def test_a_value_that_cannot_be_says_where_it_is_set() -> None:
    problem = resolve({}, checkpoint={"num_beams": 2.5}).problems[0]
    assert "num_beams" in problem.message
    assert "2.5" in problem.message
    assert "checkpoint" in problem.info[0]


def test_sampling_options_of_a_checkpoint_wait_for_sampling() -> None:
    assert codes({}, checkpoint={"temperature": 0.7, "top_p": 0.9}) == []
    assert codes({"do_sample": False}, spec={"temperature": 0.7, "do_sample": True}) == []


def test_options_of_beams_need_beams_from_their_layer_or_one_below() -> None:
    penalty = {"length_penalty": 2.0, "early_stopping": True}
    beams = {"num_beams": 4}
    assert codes({}, checkpoint=penalty) == []
    assert codes(penalty | beams) == codes(penalty, spec=beams) == codes(penalty, checkpoint=beams) == []
    assert codes({"num_beams": 1}, spec=penalty | beams) == []
    assert codes({"num_beams": 1}, spec=penalty, checkpoint=beams) == []
    assert codes(beams, spec=penalty) == ["XL407", "XL407"]
    assert codes(penalty, spec=beams, checkpoint=beams | penalty) == []
    assert codes({"length_penalty": 1.0, "early_stopping": False}) == []


def test_what_a_checkpoint_may_still_set_is_not_missed_before_it_is_read() -> None:
    call = {"length_penalty": 2.0}
    assert resolve(call, complete=False).problems == ()
    assert [p.code for p in resolve(call | {"num_beams": 1}, complete=False).problems] == ["XL407"]


def test_a_penalty_shapes_the_score_of_a_lone_beam() -> None:
    assert resolve({"length_penalty": 2.0}, scored=True).problems == ()
    assert [p.code for p in resolve({"early_stopping": True}, scored=True).problems] == ["XL407"]


def test_both_lengths_of_a_pair_stand_together_only_in_a_checkpoint() -> None:
    both = {"max_length": 9, "max_new_tokens": 5}
    assert codes({}, checkpoint=both) == []
    assert codes({}, spec=both) == ["XL407"]
    assert codes({"max_length": 9}, spec={"max_new_tokens": 5}) == []
    assert merged({"max_length": 4}, spec={"max_new_tokens": 32}).max_new_tokens is None


def test_idle_options_of_a_checkpoint() -> None:
    assert idle_options({"early_stopping": True, "top_p": 0.5, "max_length": 9}) == {
        "early_stopping",
        "top_p",
    }
    assert idle_options({"early_stopping": True, "num_beams": 2, "top_p": 0.5, "do_sample": True}) == set()
    assert idle_options({"max_length": 9, "max_new_tokens": 5, "min_length": 2}) == {"max_length"}


def test_unknown_options_offer_near_names() -> None:
    (problem,) = resolve({"num_beam": 5}).problems
    assert problem.code == "XL406"
    assert problem.help is not None
    assert "`num_beams`" in problem.help
    assert codes({"use_cache": True}) == ["XL406"]
    assert codes({}, spec={"guidance_scale": 2.0}) == ["XL406"]
    assert codes({}, checkpoint={"not_a_field": 1}) == ["XL406"]


def test_checkpoint_fields_are_dropped_if_inert_and_refused_if_not_neutral() -> None:
    inert: dict[str, Any] = dict.fromkeys(INERT_FIELDS, True)
    neutral = {name: values[-1] for name, values in REFUSED_FIELDS.items()}
    assert codes({}, checkpoint=inert | neutral) == []
    for name in REFUSED_FIELDS:
        (problem,) = resolve({}, checkpoint={name: 3.5}).problems
        assert problem.code == "XL406"
        assert name in problem.message


@pytest.mark.parametrize(
    "call",
    [
        {"forced_bos_token_id": 50},
        {"forced_eos_token_id": [2, 60]},
        {"suppress_tokens": [50]},
        {"begin_suppress_tokens": [50]},
        {"bad_words_ids": [[1, 50]]},
        {"sequence_bias": [[[50], 1.0]]},
        {"eos_token_id": 50},
        {"pad_token_id": 50},
        {"decoder_start_token_id": [3, 50]},
    ],
)
def test_ids_outside_the_vocabulary(call: dict[str, Any]) -> None:
    assert codes(call, config=CONFIG) == ["XL402"]


def test_several_problems_are_all_told() -> None:
    assert sorted(codes({"num_beam": 2, "top_k": -1, "min_length": 2.5})) == ["XL406", "XL407", "XL407"]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"max_new_tokens": 20, "num_beams": 5}, []),
        ({"num_beams": 5}, []),
        ({"max_new_tokens": 40}, ["XL405"]),
        ({"num_beam": 5}, ["XL406"]),
        ({"temperature": 0.5}, ["XL407"]),
        ({"forced_bos_token_id": 50}, ["XL402"]),
        ({"max_length": 5, "min_length": 9}, ["XL407"]),
        ({"max_length": 5, "max_new_tokens": 4}, ["XL407"]),
        ({"length_penalty": 2.0}, []),
        ({"length_penalty": 2.0, "num_beams": 1}, ["XL407"]),
    ],
)
def test_a_spec_section_by_itself(section: dict[str, Any], expected: list[str]) -> None:
    problems = check_section(section, CONFIG, positions=40)
    assert [problem.code for problem in problems] == expected
    assert all(problem.at[0][0].startswith("generation.") for problem in problems)


def test_a_spec_without_a_checkpoint_has_only_its_own_options() -> None:
    (problem,) = check_section({"length_penalty": 2.0}, CONFIG, has_checkpoint=False)
    assert problem.code == "XL407"


def test_a_decoder_without_a_bound_takes_any_length() -> None:
    assert check_section({"max_new_tokens": 4000}, CONFIG, positions=None) == []


PUBLISHED: dict[str, dict[str, Any]] = {
    "facebook/s2t-medium-mustc-multilingual-st": {
        "_from_model_config": True,
        "bos_token_id": 0,
        "decoder_start_token_id": 2,
        "early_stopping": True,
        "eos_token_id": 2,
        "max_length": 200,
        "num_beams": 5,
        "pad_token_id": 1,
    },
    "facebook/wav2vec2-xls-r-2b-21-to-en": {
        "_from_model_config": True,
        "bos_token_id": 0,
        "decoder_start_token_id": 2,
        "eos_token_id": 2,
        "forced_bos_token_id": 250004,
        "forced_eos_token_id": 2,
        "max_length": 200,
        "num_beams": 5,
        "pad_token_id": 1,
    },
    "microsoft/trocr-base-stage1": {
        "_from_model_config": True,
        "bos_token_id": 0,
        "decoder_start_token_id": 2,
        "eos_token_id": 2,
        "pad_token_id": 1,
        "transformers_version": "4.27.0.dev0",
        "use_cache": False,
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_generation_configs_resolve(name: str) -> None:
    options = merged({"max_new_tokens": 5}, checkpoint=PUBLISHED[name])
    assert options.decoder_start_token_ids == options.eos_token_ids == (2,)


def test_the_schema_needs_no_torch() -> None:
    script = "import sys, specs.generation.layers; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
