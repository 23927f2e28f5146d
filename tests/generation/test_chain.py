"""Which processors act, in which order and at which lengths: those that transformers chooses."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers.generation.logits_process import LogitsProcessorList

from runtime.generation.chain import Chain, Stage, build_chain
from runtime.generation.processors import Forbid
from specs.generation.layers import resolve
from specs.generation.lengths import resolve_lengths
from tests import oracle
from tests.generation.models import Case, end_ids, option_sets, random_case
from tests.generation.test_sampling import FILTERS

LIMIT, ROWS = 12, 5
CPU = torch.device("cpu")
SETS = {
    **{name: {} for name in option_sets(oracle.random_config(0))},
    **{
        f"sampling, {name}{search}": {"do_sample": True, **options, **search}
        for name, options in FILTERS.items()
        for search in ({}, {"num_beams": 3})
    },
}


def published(case: Case, options: dict[str, Any], prompt: int) -> LogitsProcessorList:
    """The processors that transformers' `generate` would call."""
    config = copy.deepcopy(case.model.generation_config)
    config.update(**{"max_length": LIMIT, **options})
    if (new := options.get("max_new_tokens")) is not None:
        config.max_length = prompt + new
    config.update(**config._get_default_generation_params(), defaults_only=True)
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    config._eos_token_tensor = None if ends == [None] else torch.tensor(ends)
    chosen: LogitsProcessorList = case.model._get_logits_processor(
        config, prompt, logits_processor=LogitsProcessorList(), device="cpu"
    )
    return chosen


@pytest.mark.parametrize("prompt", [1, 3])
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("seed", [0, 3])
def test_equals_transformers_at_every_length(seed: int, name: str, prompt: int) -> None:
    case = random_case(seed)
    options = {**SETS[name], **option_sets(case.model.config).get(name, {})}
    theirs = published(case, options, prompt)
    given = options if "max_new_tokens" in options else {**options, "max_length": LIMIT}
    resolved = resolve(given, config=case.model.config.to_dict()).options
    assert resolved is not None
    lengths, _ = resolve_lengths(resolved, prompt, None)
    assert lengths is not None
    vocabulary = case.model.config.vocab_size
    chain = build_chain(resolved, lengths, prompt, vocabulary, torch.device("cpu"))
    generator = torch.Generator().manual_seed(seed)
    for length in range(prompt, lengths.maximum):
        scores = torch.randn(ROWS, vocabulary, generator=generator).log_softmax(dim=-1)
        ids = torch.randint(vocabulary, (ROWS, lengths.maximum), generator=generator)
        ids[0] = end_ids(case.model.config)[0]
        ids[1] = ids[1, 0]  # one token again and again
        expected = theirs(ids[:, :length], scores.clone())
        torch.testing.assert_close(chain(scores, ids, length), expected, rtol=1e-6, atol=1e-6)


def test_only_scores_that_are_nobody_elses_are_written_to() -> None:
    chain = Chain([Stage(Forbid((2,), CPU), range(1, 3))], 3, CPU)
    ids, given = torch.zeros(1, 3, dtype=torch.int64), torch.zeros(1, 4)
    found = chain(given, ids, 1)
    assert found.isinf().any()
    assert not given.isinf().any()
    assert chain(given, ids, 1, in_place=True) is given
    assert torch.equal(given, found)
