"""Positions end where the config says, unless the spec lets them grow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

import crossloom
from tests.parity.cases import LOGITS, Case, difference, read_case, save

SOURCE, TARGET = 12, 20


@pytest.fixture(params=[0, 1, 2])
def short(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """Small tables, for pad ids 1, above, and 0."""
    seed: int = request.param
    changes = {"max_source_positions": SOURCE, "max_target_positions": TARGET}
    return read_case(seed, save(seed, tmp_path / "model", changes))


def features(case: Case, positions: int) -> torch.Tensor:
    """Features that make exactly this many encoder positions."""
    for frames in range(1, 400):
        batch = torch.randn(2, frames, case.batch["input_features"].shape[2])
        with torch.no_grad():
            if case.theirs.model.encoder.conv(batch).shape[1] == positions:
                return batch
    raise AssertionError("no length gives as many positions")


def last_target(case: Case) -> int:
    return TARGET + 1 - case.pad


def ids(case: Case, tokens: int) -> torch.Tensor:
    real = (case.pad + 1) % case.theirs.config.vocab_size
    return torch.full((2, tokens), real)


def test_the_last_position_of_either_side_is_right(short: Case) -> None:
    frames = features(short, SOURCE + 1 - short.pad)
    given = {"input_features": frames, "decoder_input_ids": ids(short, last_target(short))}
    with torch.no_grad():
        assert difference(short.ours(**given).logits, short.theirs(**given).logits) <= LOGITS


def test_one_more_is_refused(short: Case) -> None:
    with pytest.raises(ValueError, match="positions were asked for"):
        short.ours.encode(features(short, SOURCE + 2 - short.pad))
    encoded = short.ours.encode(features(short, 4))
    with pytest.raises(ValueError, match="positions were asked for"):
        short.ours.decode(ids(short, last_target(short) + 1), encoded)


def test_a_cache_counts_what_it_holds(short: Case) -> None:
    with torch.no_grad():
        encoded = short.ours.encode(features(short, 4))
        cache = short.ours.new_cache(2, TARGET + 5, encoded)
        for _ in range(last_target(short)):
            short.ours.decode(ids(short, 1), encoded, cache)
        with pytest.raises(ValueError, match="positions were asked for"):
            short.ours.decode(ids(short, 1), encoded, cache)


def test_growing_continues_the_published_formula(short: Case) -> None:
    path = short.folder / "grow.yaml"
    path.write_text(yaml.safe_dump({**short.ours.spec.data, "long_input": "grow"}))
    model = crossloom.load(path)
    for positions in (4, 3 * SOURCE):
        given = {"input_features": features(short, positions), "decoder_input_ids": ids(short, 3)}
        with torch.no_grad():
            assert difference(model(**given).logits, short.theirs(**given).logits) <= LOGITS


def test_the_graph_knows_its_shortest_input(cases: Callable[[int], Case]) -> None:
    """Every length down to the stated minimum can be encoded."""
    for seed in range(12):
        case = cases(seed)
        shortest = crossloom.lower(case.ours.spec).minimums["frames"]
        with torch.no_grad():
            hidden = case.ours.encode(torch.randn(1, shortest, case.batch["input_features"].shape[2])).hidden
        assert hidden.shape[1] >= 1
