"""Pairs that the public classes saved: imported, computed, decoded, trained on, written back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import crossloom
from tests.oracle import searched, stored_differently
from tests.pairs.saved import CELLS, READS, SEEDS, Saved, logits, runnable, saved
from tests.parity.cases import LOGITS, LOSS, difference


@pytest.fixture(params=CELLS, ids=["-".join(cell) for cell in CELLS])
def cell(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """Each kind of pair with each of its encoders and each decoder."""
    named: tuple[str, str, str] = request.param
    return named


@pytest.fixture(params=SEEDS)
def case(request: pytest.FixtureRequest, cell: tuple[str, str, str]) -> Saved:
    """Each seed of each cell."""
    return saved(*cell, request.param)


def test_widths_are_equal_once_and_unequal_once(cell: tuple[str, str, str]) -> None:
    """Nothing stands between equal ones, a projection between others."""
    assert {hasattr(saved(*cell, seed).theirs, "enc_to_dec_proj") for seed in SEEDS} == {False, True}


def test_imported_as_it_is(case: Saved) -> None:
    """One folder names the weights of the whole; every field written differs from its default."""
    spec = crossloom.import_spec(case.folder)
    assert spec.kind == "pair"
    assert spec.data["weights"] == str(case.folder)
    assert all(part.weights is None for part in spec.components.values())
    for part in spec.components.values():
        defaults = part.family.config().model_dump()
        assert all(part.config[name] != defaults[name] for name in part.written)
    told = crossloom.check(spec)  # random sizes are warned of, whatever the checkpoint
    assert not any(finding.severity == "error" for finding in told)
    assert [finding for finding in crossloom.verify(spec) if finding not in told] == []
    assert hasattr(case.ours, "enc_to_dec_proj") is hasattr(case.theirs, "enc_to_dec_proj")


def test_logits_and_loss(case: Saved) -> None:
    assert difference(logits(case.ours, case), logits(case.theirs, case)) <= LOGITS
    labels = case.target["decoder_input_ids"].masked_fill(case.target["decoder_attention_mask"] == 0, -100)
    labels = labels.masked_fill(labels == case.theirs.config.pad_token_id, -100)
    with torch.no_grad():
        ours, theirs = (model(**case.inputs, labels=labels).loss for model in (case.ours, case.theirs))
    assert float(ours) == pytest.approx(float(theirs), rel=LOSS)


@pytest.mark.parametrize("beams", [1, 4])
def test_ids(case: Saved, beams: int) -> None:
    ours, theirs = searched(case.ours, case.theirs, case.inputs, length=8, beams=beams)
    assert ours == theirs


def test_written_back(case: Saved, cell: tuple[str, str, str], tmp_path: Path) -> None:
    """The public class loads it with nothing missing; tensors are bit-equal, unused ones too."""
    crossloom.export(case.ours, tmp_path)
    assert stored_differently(case.folder, tmp_path) == []
    again, report = READS[cell[0]].published.from_pretrained(tmp_path, output_loading_info=True)
    assert all(not names for names in report.values()), report
    # Where the public implementation reads a folder, sinusoids stay on the meta device.
    rebuilt = type(case.theirs)(config=again.config)
    rebuilt.load_state_dict(again.state_dict())
    assert torch.equal(logits(runnable(rebuilt), case), logits(case.theirs, case))
    assert (
        crossloom.import_spec(tmp_path).data["decoder"] == crossloom.import_spec(case.folder).data["decoder"]
    )
