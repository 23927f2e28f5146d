"""The compiled model, loaded from a folder saved by transformers, generates what transformers does.

Here the two sides add up in different orders, so a difference may be a tie. It counts as one only if both
candidates' scores, recomputed in float64, differ by less than 1e-5 relative; ties are printed, and at
most one sequence in 200 may be one.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from compiler.diagnostics.model import CrossloomError
from crossloom import from_pretrained
from runtime.generation import generate
from runtime.generation.chain import build_chain
from specs.generation.layers import resolve
from specs.generation.lengths import resolve_lengths
from tests import oracle
from tests.generation.models import SEARCHES, SEEDS, Case, end_ids, option_sets, random_case

LENGTH = 10
OPTION_NAMES = tuple(option_sets(oracle.random_config(0)))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Case, Any]]:
    """Every case with its compiled model."""
    return [(case := random_case(seed), _compiled(case, tmp_path_factory.mktemp("model"))) for seed in SEEDS]


def _compiled(case: Case, folder: Path) -> Any:
    bins = case.inputs["input_features"].shape[2]
    front_end = {"feature_extractor_type": "Speech2TextFeatureExtractor", "num_mel_bins": bins}
    oracle.save(case.model, folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(front_end | {"feature_size": bins}))
    return from_pretrained(folder)


def compare(case: Case, model: Any, **options: Any) -> tuple[int, int]:
    """Sequences compared, and how many of them are ties; fails on any other difference."""
    if "max_new_tokens" not in options:
        options.setdefault("max_length", LENGTH)
    with torch.no_grad():
        theirs = case.model.generate(**case.inputs, **options).tolist()
    ours = generate(model, **case.inputs, **options).tolist()
    assert len(ours) == len(theirs)
    ties = 0
    for row, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        if _without_padding(case, our) != _without_padding(case, their):
            sentence = row // options.get("num_return_sequences", 1)
            scores = [_score(case, sentence, ids, our, their, options) for ids in (our, their)]
            print(f"tie? {our} {their} {scores} {options}")
            assert abs(scores[0] - scores[1]) < 1e-5 * max(abs(scores[0]), abs(scores[1]))
            ties += 1
    assert ties or ours == theirs
    return len(ours), ties


def _without_padding(case: Case, ids: list[int]) -> list[int]:
    ends = set(end_ids(case.model.config))
    first = next((i for i in range(1, len(ids)) if ids[i] in ends), len(ids) - 1)
    return ids[: first + 1]


@cache
def _doubled(case: Case) -> Any:
    return copy.deepcopy(case.model).double()


def _score(
    case: Case, sentence: int, ids: list[int], our: list[int], their: list[int], options: dict[str, Any]
) -> float:
    """What the search ranks by, in float64: a hypothesis' score, or greedily the first token that differs."""
    config = case.model.config
    resolved = resolve(options, config=config.to_dict()).options
    assert resolved is not None
    lengths, _ = resolve_lengths(resolved, 1, None)
    assert lengths is not None
    chain = build_chain(resolved, lengths, 1, config.vocab_size, torch.device("cpu"))
    inputs = {name: value[sentence : sentence + 1] for name, value in case.inputs.items()}
    inputs["input_features"] = inputs["input_features"].double()
    ids = _without_padding(case, ids)
    sequence = torch.tensor([ids])
    with torch.no_grad():
        logits: Tensor = _doubled(case)(**inputs, decoder_input_ids=sequence).logits
    table = torch.nn.functional.pad(sequence, (0, lengths.maximum - len(ids)))
    steps = []
    for length in range(1, len(ids)):
        scores = chain(logits[:, length - 1].log_softmax(dim=-1), table, length)
        steps.append(float(scores[0, ids[length]]))
    if resolved.num_beams > 1:
        return sum(steps) / float(len(steps) ** resolved.length_penalty)
    return steps[next(i for i in range(1, len(ids)) if our[i] != their[i]) - 1]


def run(models: list[tuple[Case, Any]], search: str, name: str = "none") -> None:
    compared = ties = 0
    for case, model in models:
        options = {**SEARCHES[search], **option_sets(case.model.config)[name]}
        counts = compare(case, model, **options)
        compared, ties = compared + counts[0], ties + counts[1]
    assert ties <= max(1, compared // 200)


@pytest.mark.parametrize("search", SEARCHES)
def test_every_search(models: list[tuple[Case, Any]], search: str) -> None:
    run(models, search)


@pytest.mark.parametrize("search", ["greedy", "beam5"])
@pytest.mark.parametrize("name", OPTION_NAMES)
def test_every_option(models: list[tuple[Case, Any]], name: str, search: str) -> None:
    run(models, search, name)


@pytest.mark.parametrize("search", ["greedy", "beam5"])
def test_every_option_changes_something(models: list[tuple[Case, Any]], search: str) -> None:
    """An option that never acts here would be tested by nothing; of invalid values there are none."""
    acting = set()
    for case, model in models:
        options = {"max_length": LENGTH, **SEARCHES[search]}
        without = generate(model, **case.inputs, **options).tolist()
        for name, more in option_sets(case.model.config).items():
            given = options | more
            if "max_new_tokens" in more:
                del given["max_length"]
            if name not in acting and generate(model, **case.inputs, **given).tolist() != without:
                acting.add(name)
    assert set(OPTION_NAMES) - acting <= {"none", "remove_invalid_values"}


def test_scores(models: list[tuple[Case, Any]]) -> None:
    for case, model in models:
        options: dict[str, Any] = {**SEARCHES["beam5"], "max_length": LENGTH}
        with torch.no_grad():
            theirs = case.model.generate(
                **case.inputs, **options, return_dict_in_generate=True, output_scores=True
            )
        ours = generate(model, **case.inputs, **options, return_scores=True)
        torch.testing.assert_close(ours.sequence_scores, theirs.sequences_scores, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("search", ["greedy", "beam5"])
def test_prefix(models: list[tuple[Case, Any]], search: str, started: bool) -> None:
    """The start token is put in front of a prefix, unless the prefix has it."""
    for case, model in models:
        start = case.model.config.decoder_start_token_id
        drawn = torch.randint(13, 19, (3, 3), generator=torch.Generator().manual_seed(0))
        prefix = drawn.where(drawn != start, 12)
        if started:
            prefix[:, 0] = start
        compare(case, model, decoder_input_ids=prefix, **SEARCHES[search])


def test_the_longest_sequence_is_what_the_position_table_holds(models: list[tuple[Case, Any]]) -> None:
    """Positions count up from the pad id, so that a larger one leaves fewer."""
    for case, model in models:
        longest = case.model.config.max_target_positions + 1 - case.model.config.pad_token_id
        ids = generate(model, **case.inputs, max_length=longest, eos_token_id=None)
        assert ids.shape[1] == longest
        model.decode(ids, model.encode(**case.inputs))
        with pytest.raises(CrossloomError) as refused:
            generate(model, **case.inputs, max_length=longest + 1)
        assert [finding.code for finding in refused.value.diagnostics] == ["XL405"]
        with pytest.raises(ValueError, match="positions"):
            model.decode(ids[:, [0, *range(longest)]], model.encode(**case.inputs))


def test_the_checkpoints_own_options_apply(models: list[tuple[Case, Any]], tmp_path: Path) -> None:
    case = random_case(5)
    case.model.generation_config.update(num_beams=3, max_length=7, length_penalty=0.3, early_stopping=True)
    model = _compiled(case, tmp_path)
    with torch.no_grad():
        theirs = case.model.generate(**case.inputs).tolist()
    assert generate(model, **case.inputs).tolist() == theirs
    assert generate(model, **case.inputs, num_beams=1, max_new_tokens=9).tolist() != theirs


def test_a_checkpoint_may_give_both_limits(tmp_path: Path) -> None:
    case = random_case(5)
    case.model.generation_config.update(max_length=9, max_new_tokens=4, eos_token_id=None)
    ids = generate(_compiled(case, tmp_path), **case.inputs)
    with torch.no_grad():
        assert ids.tolist() == case.model.generate(**case.inputs).tolist()


def test_autocast_decides_the_dtype_of_a_step(models: list[tuple[Case, Any]]) -> None:
    options = {"max_new_tokens": 8, "num_beams": 2}
    with torch.autocast("cpu", torch.bfloat16):
        for case, model in models[:3]:
            found = generate(model, **case.inputs, **options)
            assert isinstance(found, Tensor)
            assert torch.equal(found, case.model.generate(**case.inputs, **options)), case


def test_sampling_draws_from_the_same_distribution(models: list[tuple[Case, Any]]) -> None:
    """Equal streams of random numbers: a token differs only where a draw falls between two roundings."""
    different = 0
    for seed, (case, model) in enumerate(models):
        options: dict[str, Any] = {"do_sample": True, "top_k": 8, "temperature": 1.5, "max_length": LENGTH}
        torch.manual_seed(seed)
        with torch.no_grad():
            theirs = case.model.generate(**case.inputs, **options).tolist()
        different += generate(model, **case.inputs, **options, seed=seed).tolist() != theirs
    assert different <= 1
