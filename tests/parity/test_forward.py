"""Logits, losses and encoder states against the public implementation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.parity.cases import LOGITS, LOSS, Case, difference, labels_of


def both(case: Case, **inputs: Tensor | None) -> tuple[float, float]:
    """Differences of logits and of encoder states."""
    given = {name: tensor for name, tensor in inputs.items() if tensor is not None}
    with torch.no_grad():
        ours, theirs = case.ours(**given), case.theirs(**given)
    return (
        difference(ours.logits, theirs.logits),
        difference(ours.encoder_last_hidden_state, theirs.encoder_last_hidden_state),
    )


def test_padded_batch(case: Case) -> None:
    logits, states = both(case, **case.batch)
    assert logits <= LOGITS
    assert states <= LOGITS


def test_without_a_mask(case: Case) -> None:
    logits, states = both(case, **{**case.batch, "attention_mask": None})
    assert logits <= LOGITS
    assert states <= LOGITS


def test_one_row_alone(case: Case) -> None:
    frames = int(case.batch["attention_mask"][1].sum())
    logits, states = both(
        case,
        input_features=case.batch["input_features"][1:2, :frames],
        attention_mask=case.batch["attention_mask"][1:2, :frames],
        decoder_input_ids=case.batch["decoder_input_ids"][1:2],
    )
    assert logits <= LOGITS
    assert states <= LOGITS


def test_mask_with_a_hole_counts_valid_frames(case: Case) -> None:
    """The published encoder sums the mask; where the ones stand does not matter."""
    mask = case.batch["attention_mask"].clone()
    mask[0, 5:9] = 0
    logits, states = both(case, **{**case.batch, "attention_mask": mask})
    assert logits <= LOGITS
    assert states <= LOGITS


def test_encoder_mask_is_the_published_one(case: Case) -> None:
    with torch.no_grad():
        encoded = case.ours.encode(case.batch["input_features"], case.batch["attention_mask"])
    expected = case.theirs.model._get_feature_vector_attention_mask(
        encoded.hidden.shape[1], case.batch["attention_mask"]
    )
    assert encoded.mask.dtype == torch.int64
    assert torch.equal(encoded.mask, expected.long())


def test_a_row_that_is_all_padding_is_masked_whole(case: Case) -> None:
    """The published encoder takes it for one without padding; the rows beside it agree."""
    mask = case.batch["attention_mask"].clone()
    mask[1] = 0
    given = {**case.batch, "attention_mask": mask}
    with torch.no_grad():
        encoded = case.ours.encode(case.batch["input_features"], mask)
        ours, theirs = case.ours(**given).logits, case.theirs(**given).logits
    assert not encoded.mask[1].any()
    assert ours.isfinite().all()
    assert difference(ours[[0, 2]], theirs[[0, 2]]) <= LOGITS
    assert difference(ours[1], theirs[1]) > LOGITS


def test_pads_among_the_decoder_ids(case: Case) -> None:
    ids = case.batch["decoder_input_ids"].clone()
    ids[0, 2] = ids[1, 1] = ids[1, 3] = case.pad
    logits, _ = both(case, **{**case.batch, "decoder_input_ids": ids})
    assert logits <= LOGITS


@pytest.mark.parametrize("hole", [False, True], ids=["right-padded", "hole"])
def test_decoder_attention_mask(case: Case, hole: bool) -> None:
    ids = case.batch["decoder_input_ids"]
    mask = torch.ones_like(ids)
    mask[-1, -2:] = 0
    if hole:
        mask[0, 2] = 0
    given = {**case.batch, "decoder_attention_mask": mask}
    with torch.no_grad():
        ours, theirs, unmasked = case.ours(**given), case.theirs(**given), case.ours(**case.batch)
    assert difference(ours.logits, theirs.logits) <= LOGITS
    if hole:
        assert difference(ours.logits, unmasked.logits) > 1e-3, "the mask has an effect to be right about"


@pytest.mark.parametrize("ignored", [0.0, 0.3])
def test_loss_of_labels(case: Case, ignored: float) -> None:
    labels = labels_of(case, ignored)
    given = {"input_features": case.batch["input_features"], "attention_mask": case.batch["attention_mask"]}
    with torch.no_grad():
        ours, theirs = case.ours(**given, labels=labels), case.theirs(**given, labels=labels)
    assert abs(float(ours.loss - theirs.loss)) <= LOSS * abs(float(theirs.loss))
    assert difference(ours.logits, theirs.logits) <= LOGITS


def test_labels_and_decoder_ids_together_shift_nothing(case: Case) -> None:
    labels = labels_of(case)
    with torch.no_grad():
        ours, theirs = case.ours(**case.batch, labels=labels), case.theirs(**case.batch, labels=labels)
        unlabelled = case.ours(**case.batch)
    assert abs(float(ours.loss - theirs.loss)) <= LOSS * abs(float(theirs.loss))
    assert torch.equal(ours.logits, unlabelled.logits)


def test_labels_are_left_as_they_were(case: Case) -> None:
    labels = labels_of(case)
    before = labels.clone()
    with torch.no_grad():
        case.ours(input_features=case.batch["input_features"], labels=labels)
    assert torch.equal(labels, before)


def test_encoder_outputs_stand_in_for_features(case: Case) -> None:
    with torch.no_grad():
        encoded = case.ours.encode(case.batch["input_features"], case.batch["attention_mask"])
        ours = case.ours(encoder_outputs=encoded, decoder_input_ids=case.batch["decoder_input_ids"])
        whole = case.ours(**case.batch)
    assert torch.equal(ours.logits, whole.logits)


def test_gradients_are_the_published_ones(case: Case) -> None:
    """Backward through every parameter: the largest difference relative to the largest gradient."""
    labels = labels_of(case)
    given = {"input_features": case.batch["input_features"], "attention_mask": case.batch["attention_mask"]}
    gradients = []
    for model in (case.ours, case.theirs):
        model.zero_grad()
        model(**given, labels=labels).loss.backward()
        gradients.append(sorted(float(p.grad.norm()) for p in model.parameters() if p.grad is not None))
        model.zero_grad()
    ours, theirs = gradients
    assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-6)
