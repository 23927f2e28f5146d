"""The parts of training that are functions of their arguments."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from runtime.training.batches import DataOrder, collate, epoch_batches, mask_features
from runtime.training.optimizer import frozen_addresses, make_optimizer
from runtime.training.options import SpecAugment, TrainingOptions
from runtime.training.schedule import rate_factor
from tests.training.stand_in import Model


def test_the_rate_rises_then_falls() -> None:
    assert [rate_factor(step, 6, 2, "linear") for step in range(6)] == [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    assert [rate_factor(step, 9, 4, "inverse_sqrt") for step in (0, 3, 15)] == [0.25, 1.0, 0.5]
    assert [rate_factor(step, 9, 0, "inverse_sqrt") for step in (0, 3)] == [1.0, 0.5]
    assert [rate_factor(step, 9, 2, "constant") for step in (0, 1, 8)] == [0.5, 1.0, 1.0]
    assert rate_factor(0, 1, 0, "linear") == 1.0


@given(st.lists(st.integers(1, 500), min_size=1, max_size=300), st.integers(1, 9), st.integers(0, 3))
def test_an_epoch_sees_every_row_once(lengths: list[int], batch_size: int, epoch: int) -> None:
    batches = epoch_batches(lengths, batch_size, 0, epoch)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert all(0 < len(batch) <= batch_size for batch in batches)
    assert batches == epoch_batches(lengths, batch_size, 0, epoch)


def test_batches_hold_rows_of_similar_length_in_a_new_order_each_epoch() -> None:
    lengths = [(37 * row) % 1000 for row in range(1000)]
    batches = epoch_batches(lengths, 10, 0, 0)
    spreads = [max(lengths[row] for row in batch) - min(lengths[row] for row in batch) for batch in batches]
    assert sum(spreads) / len(spreads) < 40  # ten of a thousand rows drawn freely span 800
    firsts = [lengths[batch[0]] for batch in batches[:50]]
    assert firsts != sorted(firsts)  # not from short to long, which would bend the gradient
    assert batches != epoch_batches(lengths, 10, 0, 1)
    assert batches != epoch_batches(lengths, 10, 1, 0)


@pytest.mark.parametrize(("rows", "batch_size", "accumulation"), [(22, 4, 1), (22, 4, 4), (3, 8, 2)])
def test_the_updates_of_an_epoch_share_its_batches(rows: int, batch_size: int, accumulation: int) -> None:
    order = DataOrder([1] * rows, batch_size, accumulation, seed=0)
    for epoch in (0, 1):
        steps = range(epoch * order.updates_per_epoch, (epoch + 1) * order.updates_per_epoch)
        batches = [batch for step in steps for batch in order.update(step)]
        assert batches == epoch_batches([1] * rows, batch_size, 0, epoch)
        assert all(order.update(step) for step in steps)


def test_padding() -> None:
    short = {
        "input_features": torch.ones(1, 2),
        "attention_mask": torch.ones(1, dtype=torch.long),
        "labels": torch.tensor([7, 2]),
    }
    long = {
        "input_features": torch.ones(3, 2),
        "attention_mask": torch.ones(3, dtype=torch.long),
        "labels": torch.tensor([2]),
    }
    batch = collate([short, long])
    assert batch["input_features"].tolist() == [[[1, 1], [0, 0], [0, 0]], [[1, 1]] * 3]
    assert batch["attention_mask"].tolist() == [[1, 0, 0], [1, 1, 1]]
    assert batch["labels"].tolist() == [[7, 2], [2, -100]]


def test_masks_are_spans_of_whole_frames_and_bins() -> None:
    features = torch.ones(50, 40, 20)
    options = SpecAugment(time_masks=1, time_width=6, bin_masks=1, bin_width=4)
    masked = mask_features({"input_features": features}, options, torch.Generator().manual_seed(0))
    zeros = masked["input_features"] == 0
    assert features.all()
    frames, bins = zeros.all(dim=2).sum(1), zeros.all(dim=1).sum(1)  # fully masked ones of each row
    assert set(frames.tolist()) == set(range(7))
    assert set(bins.tolist()) == set(range(5))
    rest = frames * 20 + bins * 40 - frames * bins
    assert torch.equal(zeros.sum((1, 2)), rest)


def test_masks_wider_than_the_features() -> None:
    features = torch.ones(3, 4, 5)
    options = SpecAugment(time_masks=2, time_width=100, bin_masks=2, bin_width=100)
    masked = mask_features({"input_features": features}, options, torch.Generator())
    assert masked["input_features"].shape == features.shape


def test_biases_and_norms_do_not_decay() -> None:
    model = Model()
    decayed, plain = make_optimizer(model, TrainingOptions(weight_decay=0.3)).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.3, 0.0)
    assert {names[id(parameter)] for parameter in plain["params"]} == {
        *("encoder.0.bias", "encoder.1.weight", "encoder.1.bias", "head.bias")
    }


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("encoder.1", {"encoder.1.weight", "encoder.1.bias"}),
        ("encoder.*.bias", {"encoder.0.bias", "encoder.1.bias"}),
        ("positions.weight", {"positions.weight"}),
    ],
)
def test_patterns_cover_addresses(pattern: str, covered: set[str]) -> None:
    assert frozen_addresses(Model(), [pattern]) == covered


def test_a_tied_parameter_has_all_its_addresses() -> None:
    model = Model()
    model.alias = model.encoder[0]
    assert frozen_addresses(model, ["alias"]) == {"alias.weight", "alias.bias"}
