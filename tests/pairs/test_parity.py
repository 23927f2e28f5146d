"""Pairs of text halves against the public implementation's, on padded batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import crossloom
from tests.oracle import searched
from tests.pairs.cases import NAMES, PAIRS, Pair, joined, pair
from tests.pairs.oracle import SEEDS
from tests.parity.cases import LOGITS, LOSS, difference


@pytest.fixture(params=PAIRS, ids=NAMES)
def families(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Each pair of families in turn."""
    named: tuple[str, str] = request.param
    return named


@pytest.fixture(params=SEEDS)
def case(request: pytest.FixtureRequest, families: tuple[str, str]) -> Pair:
    """Each seed of each pair in turn."""
    return pair(*families, request.param)


def labels_of(case: Pair) -> torch.Tensor:
    """What follows the target's ids, ignored from where a row ends.

    Ignored labels inside a row become pads, which the published pair of texts hides and the others do not.
    """
    labels = case.target["decoder_input_ids"].roll(-1, dims=1)
    labels[:, -1] = -100
    return labels.masked_fill(labels == case.theirs.config.pad_token_id, -100)


def test_logits_and_encoder_states(case: Pair) -> None:
    with torch.no_grad():
        theirs, ours = (model(**case.texts, **case.target) for model in (case.theirs, case.ours))
    states = theirs.encoder_last_hidden_state
    if hasattr(case.theirs, "enc_to_dec_proj"):
        states = case.theirs.enc_to_dec_proj(states)
    assert difference(ours.logits, theirs.logits) <= LOGITS
    assert difference(ours.encoder_last_hidden_state, states.detach()) <= LOGITS


def test_without_masks_and_types(case: Pair) -> None:
    given = {name: tensor[:1] for name, tensor in {**case.texts, **case.target}.items() if "mask" not in name}
    given.pop("token_type_ids", None)
    with torch.no_grad():
        assert difference(case.ours(**given).logits, case.theirs(**given).logits) <= LOGITS


def test_loss_and_gradients(case: Pair) -> None:
    labels = labels_of(case)
    gradients, losses = [], []
    for model in (case.ours, case.theirs):
        model.zero_grad()
        out = model(**case.texts, labels=labels)
        out.loss.backward()
        losses.append(float(out.loss))
        norms = [float(p.grad.norm() ** 2) for p in model.parameters() if p.grad is not None]
        gradients.append(sum(norms))
        model.zero_grad()
    assert losses[0] == pytest.approx(losses[1], rel=LOSS)
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-3)


@pytest.mark.parametrize("beams", [1, 4])
def test_ids(case: Pair, beams: int) -> None:
    inputs = {name: case.texts[name] for name in ("input_ids", "attention_mask")}
    ours, theirs = searched(case.ours, case.theirs, inputs, length=10, beams=beams)
    assert ours == theirs


def test_training_lowers_the_loss(families: tuple[str, str]) -> None:
    case = pair(*families, 1)
    model = crossloom.load(joined(case.folders))
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    torch.manual_seed(0)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = model(**case.texts, labels=labels_of(case)).loss
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_the_bridge_is_told(families: tuple[str, str]) -> None:
    """Equal widths need none; unequal ones get the published projection, and a note of it."""
    for seed in SEEDS:
        case = pair(*families, seed)
        spec = joined(case.folders)
        told = [(d.code, d.severity.value) for d in crossloom.check(spec)]
        is_bridged = hasattr(case.theirs, "enc_to_dec_proj")
        assert told == ([("XL301", "info")] if is_bridged else [])
        assert hasattr(case.ours, "enc_to_dec_proj") is is_bridged


def test_a_saved_pair_comes_back(case: Pair, tmp_path: Path) -> None:
    """Tied, split and transposed tensors too, by their addresses."""
    crossloom.export(case.ours, tmp_path / "out", format="crossloom")
    again = crossloom.load(tmp_path / "out" / "spec.yaml")
    with torch.no_grad():
        ours, loaded = (model(**case.texts, **case.target).logits for model in (case.ours, again))
    assert torch.equal(ours, loaded)
