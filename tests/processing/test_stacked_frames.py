"""Stacked log-mel frames are those of the published extractor, alone and in padded batches."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers import SeamlessM4TFeatureExtractor

from blocks.filter_bank import FrameStacking, UnitSampleVariance, pairwise_sum_over_frames
from runtime.processing.front_ends import build_front_end
from specs.families.seamless_m4t_v2.front_end import FRONT_END, Processor, front_end
from specs.processing.stated import FilterBank
from tests.processing.test_front_end import SIGNALS, SPEECH, noise

Features = tuple[torch.Tensor, torch.Tensor]

ROUNDING = 5e-7
"""How far a logarithm may be from the published one: its last bits."""


def published(fields: dict[str, Any], waveforms: list[NDArray[Any]], **options: Any) -> Features:
    extractor = SeamlessM4TFeatureExtractor(**fields)
    with np.errstate(all="ignore"):
        result = extractor(waveforms, sampling_rate=extractor.sampling_rate, return_tensors="pt", **options)
    return result["input_features"].float(), result["attention_mask"].long()


def ours(fields: dict[str, Any], waveforms: list[NDArray[Any]], normalizes: bool = True) -> Features:
    module = build_front_end(front_end(Processor(**fields)))
    assert isinstance(module, FrameStacking)
    if not normalizes:
        module.front_end.normalizers = torch.nn.ModuleList()
    features, mask = module([torch.tensor(waveform, dtype=torch.float32) for waveform in waveforms])
    assert features.dtype == torch.float32
    assert mask.dtype == torch.int64
    return features, mask


@pytest.mark.parametrize("name", SIGNALS)
def test_raw_features(name: str) -> None:
    waveform = SIGNALS[name].astype(np.float32)
    expected, mask = published({}, [waveform], do_normalize_per_mel_bins=False)
    features, own_mask = ours({}, [waveform], normalizes=False)
    assert torch.equal(own_mask, mask)
    torch.testing.assert_close(features, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("name", [name for name, signal in SIGNALS.items() if len(signal) >= 560])
def test_normalised_features(name: str) -> None:
    """As near as the raw ones, each bin in units of the deviation it was divided by."""
    waveform = SIGNALS[name].astype(np.float32)
    raw, mask = published({}, [waveform], do_normalize_per_mel_bins=False)
    expected, _ = published({}, [waveform])
    features, own_mask = ours({}, [waveform])
    assert torch.equal(own_mask, mask)
    frames = raw.reshape(-1, 80)[: FilterBank().frames(len(waveform))]
    deviation = (frames.double().var(0) + 1e-7).sqrt().repeat(2)
    assert ((features - expected).abs() <= ROUNDING * (1 + 1 / deviation)).all()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"padding_value": -3.5},
        {"num_mel_bins": 40, "feature_size": 40},
        {"num_mel_bins": 7, "feature_size": 7, "sampling_rate": 8000, "padding_value": 1.0},
        {"sampling_rate": 22050},
    ],
    ids=lambda fields: "-".join(fields) or "defaults",
)
@pytest.mark.parametrize("longest", [16000, 16160])
def test_padded_batches(fields: dict[str, Any], longest: int) -> None:
    """The longest has an even and an odd number of frames; so have those that are padded."""
    lengths = (9000, 9160, 560, 720, 880, longest)
    waveforms: list[NDArray[Any]] = [noise(length, seed=length).astype(np.float32) for length in lengths]
    waveforms.append(SPEECH[:longest])
    expected, expected_mask = published(fields, waveforms)
    features, mask = ours(fields, waveforms)
    assert torch.equal(mask, expected_mask)
    assert {int(count) for count in mask.sum(1)} > {1, 2}
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-5)


def test_a_row_of_a_batch_is_as_if_alone() -> None:
    waveforms = [noise(length, seed=length) for length in (560, 5000, 3210, 16000, 800)]
    features, mask = ours({}, waveforms)
    for row, waveform in enumerate(waveforms):
        alone, own = ours({}, [waveform])
        assert torch.equal(features[row, : own.shape[1]], alone[0])
        assert int(own.sum()) == int(mask[row].sum())


@settings(deadline=None, max_examples=50)
@given(samples=st.integers(560, 4000))
def test_lengths_are_predicted(samples: int) -> None:
    kind = front_end(Processor())
    features, mask = ours({}, [noise(samples)])
    valid, made = int(mask.sum()), features.shape[1]
    assert valid == kind.frames(samples) // 2
    assert made == -(-kind.frames(samples) // 2)
    assert kind.fewest_samples(valid) <= samples < kind.fewest_samples(valid + 1)
    assert kind.most_samples(made - 1) < samples <= kind.most_samples(made)


def test_worked_lengths() -> None:
    kind = front_end(Processor())
    assert kind.fewest_samples(1) == 560
    assert kind.fewest_samples(49) == 400 + 97 * 160
    assert kind.most_samples(49) == 400 + 98 * 160 - 1
    assert kind.width == 160
    assert FilterBank(stride=3, mel_bins=5).width == 15


def test_silence_is_as_published() -> None:
    """Digital silence differs from its own mean by rounding, and the floor magnifies that."""
    largest = 0.0
    for frames in range(2, 40):
        silence = np.zeros(400 + (frames - 1) * 160, np.float32)
        expected, _ = published({}, [silence])
        torch.testing.assert_close(ours({}, [silence])[0], expected, rtol=1e-6, atol=0)
        largest = max(largest, float(expected.abs().max()))
    assert largest > 0


@pytest.mark.parametrize("frames", [1, 2, 7, 8, 9, 15, 16, 127, 128, 129, 136, 255, 256, 1000, 4097])
def test_pairwise_sums_are_added_in_the_order_of_numpy(frames: int) -> None:
    values = np.random.default_rng(frames).standard_normal((3, frames)).astype(np.float32) - 10
    expected = torch.tensor(values.sum(1))
    assert torch.equal(pairwise_sum_over_frames(torch.tensor(values).T), expected)


def test_one_frame_has_no_deviation() -> None:
    assert UnitSampleVariance()(torch.full((1, 3), 7.0)).eq(0).all()


def test_the_published_file_is_read() -> None:
    contents = {
        "feature_extractor_type": "SeamlessM4TFeatureExtractor",
        "feature_size": 80,
        "language_code": ["__eng__", "__fra__"],
        "num_mel_bins": 80,
        "padding_side": "right",
        "padding_value": 0.0,
        "processor_class": "SeamlessM4TProcessor",
        "return_attention_mask": True,
        "sampling_rate": 16000,
        "stride": 2,
    }
    found = FRONT_END.read("processor", {"preprocessor_config.json": json.dumps(contents).encode()})
    assert found is not None
    assert (found.fields, found.problems) == ({}, [])
    assert "processor.language_code" in found.dropped


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"stride": 3}, "XL116"),
        ({"stride": True}, "XL116"),
        ({"num_mel_bins": 0}, "XL116"),
        ({"strides": 2}, "XL115"),
    ],
)
def test_a_file_that_cannot_be_used(fields: dict[str, Any], code: str) -> None:
    found = FRONT_END.read("processor", {"preprocessor_config.json": json.dumps(fields).encode()})
    assert found is not None
    assert [problem.code for problem in found.problems] == [code]


def test_what_is_written_makes_the_same_extractor() -> None:
    section = Processor(num_mel_bins=40, feature_size=40, padding_value=-1.0)
    assert FRONT_END.problems(section, "processor") == []
    contents = FRONT_END.written(section)["preprocessor_config.json"]
    made = SeamlessM4TFeatureExtractor.from_dict(dict(contents))
    waveforms = [noise(2000), noise(3000)]
    result = made(waveforms, sampling_rate=16000, return_tensors="pt")
    features, mask = ours({"num_mel_bins": 40, "feature_size": 40, "padding_value": -1.0}, waveforms)
    torch.testing.assert_close(features, result["input_features"].float(), rtol=0, atol=1e-5)
    assert torch.equal(mask, result["attention_mask"].long())


def test_a_checkpoint_without_the_file_has_as_many_bins_as_its_model() -> None:
    assert FRONT_END.fitting({}) == {}
    assert FRONT_END.fitting({"feature_projection_input_dim": 24}) == {"feature_size": 12, "num_mel_bins": 12}
    assert FRONT_END.fitting({"feature_projection_input_dim": 25}) == {}
