"""wav2vec 2.0 beside Speech2Text2 against the outputs of the last release that had both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from tests.oracle import stored_differently
from tests.pairs.golden import NAMES, Golden, golden
from tests.parity.cases import LOGITS, LOSS, difference

pytestmark = pytest.mark.filterwarnings("ignore:.*has no preprocessor_config.json")
"""The checkpoints have none."""


@pytest.fixture(params=NAMES, scope="module")
def case(request: pytest.FixtureRequest) -> Golden:
    """Each checkpoint in turn."""
    return golden(request.param)


def test_logits_and_encoder_states(case: Golden) -> None:
    with torch.no_grad():
        given = case.model(**case.waveform, decoder_input_ids=case.expected["decoder_input_ids"])
    assert difference(given.logits, case.expected["logits"]) <= LOGITS
    states = case.expected["encoder_last_hidden_state"]
    assert difference(given.encoder_last_hidden_state, states) <= LOGITS


def test_loss(case: Golden) -> None:
    with torch.no_grad():
        given = case.model(**case.waveform, labels=case.expected["labels"])
    assert difference(given.logits, case.expected["logits_labels"]) <= LOGITS
    assert float(given.loss) == pytest.approx(float(case.expected["loss"]), rel=LOSS)


OPTIONS: dict[str, dict[str, Any]] = {
    "greedy": {"num_beams": 1},
    "beam": {"num_beams": 4, "length_penalty": 0.8},
}


@pytest.mark.parametrize("search", OPTIONS)
def test_ids(case: Golden, search: str) -> None:
    limits = {"min_new_tokens": 6, "max_new_tokens": 14, "no_repeat_ngram_size": 2}
    ids = crossloom.generate(case.model, **case.waveform, **limits, **OPTIONS[search])
    assert isinstance(ids, torch.Tensor)
    assert torch.equal(ids, case.expected[search])


def test_export_gives_the_folder_back(case: Golden, tmp_path: Path) -> None:
    """Stored rows of positions, weight-normed convolutions and the projection too, bit for bit."""
    crossloom.export(case.model, tmp_path / "out")
    assert stored_differently(case.folder, tmp_path / "out") == []
    again: Any = crossloom.load(crossloom.import_spec(tmp_path / "out"))
    with torch.no_grad():
        given = again(**case.waveform, decoder_input_ids=case.expected["decoder_input_ids"])
    assert difference(given.logits, case.expected["logits"]) <= LOGITS
