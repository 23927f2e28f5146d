"""Five beams far beyond the first bucket of the cache, with every option, as transformers has them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from blocks.cache import BUCKET
from runtime.generation import best
from tests import oracle
from tests.generation.models import Case, option_sets
from tests.generation.test_live_model import compare
from tests.parity.cases import read_case, save

BEAMS, LENGTH = 5, 52
NAMES = tuple(option_sets(oracle.random_config(0)))
SEARCHES: dict[str, dict[str, Any]] = {
    "best": {},
    "all": {"num_return_sequences": BEAMS, "length_penalty": 1.4},
    "early": {"num_return_sequences": 2, "early_stopping": True},
    "never": {"early_stopping": "never", "length_penalty": 0.3},
}


@pytest.fixture(scope="module")
def long_models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`long_models(seed)`: a model of more positions than its seed's, and ours."""

    @cache
    def made(seed: int) -> tuple[Case, Any]:
        folder: Path = save(seed, tmp_path_factory.mktemp("long"), {"max_target_positions": LENGTH + 30})
        case = read_case(seed, folder)
        case.theirs.generation_config.max_new_tokens = None
        inputs = {name: case.batch[name] for name in ("input_features", "attention_mask")}
        return Case(case.theirs, inputs), case.ours

    return made


@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
def test_ids_are_equal(long_models: Any, index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option with one search and one model; blocks of ids so small that the search is by blocks."""
    monkeypatch.setattr(best, "BLOCK", 3)
    search, name, seed = list(SEARCHES)[index % len(SEARCHES)], NAMES[index], index % 7
    case, ours = long_models(seed)
    options = {"max_length": LENGTH, **SEARCHES[search], **option_sets(case.model.config)[name]}
    if "max_new_tokens" in options:
        del options["max_length"]
    elif not {"min_length", "min_new_tokens", "eos_token_id"} & options.keys():
        options["min_length"] = LENGTH // 2
    compared, ties = compare(case, ours, num_beams=BEAMS, **options)
    assert compared == 3 * options.get("num_return_sequences", 1)
    assert ties <= 1


def test_they_go_beyond_a_bucket() -> None:
    assert BEAMS * LENGTH // 2 > BUCKET
