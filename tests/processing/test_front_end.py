"""Log-mel features are those of the published extractor, alone and in padded batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers import Speech2TextFeatureExtractor

from runtime.audio import read_audio
from runtime.processing.front_ends import build_front_end
from specs.families.speech_to_text.front_end import Processor, front_end
from specs.processing.stated import FilterBank

SPEECH = read_audio(Path(__file__).with_name("speech.flac"), 16000)


def tone(hertz: float, amplitude: float = 0.5, samples: int = 16000) -> NDArray[np.float64]:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(samples) / 16000)


def noise(samples: int, amplitude: float = 0.1, seed: int = 0) -> NDArray[np.float64]:
    return amplitude * np.random.default_rng(seed).standard_normal(samples)


TONES = (20, 50, 99.7, 220, 440, 1000, 1001, 1237, 3333, 5000, 7999, 8000)

SIGNALS: dict[str, NDArray[Any]] = {
    "speech": SPEECH,
    "speech and silence": np.concatenate([np.zeros(4000, np.float32), SPEECH, np.zeros(4000, np.float32)]),
    "noise": noise(16000),
    "faint noise": noise(16000, 1e-5),
    "loud noise": noise(16000, 0.9).clip(-1, 1),
    "one bit of noise": np.round(noise(16000, 1.0)) / 32768,
    "silence": np.zeros(16000),
    "constant": np.full(16000, 0.25),
    "click": np.eye(1, 16000, 5000)[0],
    **{f"{length} samples": noise(length) for length in (400, 401, 559, 560, 561, 9000)},
    **{f"{hertz} Hz": tone(hertz) for hertz in TONES},
}


def published(fields: dict[str, Any], waveforms: list[NDArray[Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    extractor = Speech2TextFeatureExtractor(**fields)
    with np.errstate(all="ignore"):
        result = extractor(
            waveforms, sampling_rate=extractor.sampling_rate, padding=True, return_tensors="pt"
        )
    return result["input_features"], result["attention_mask"]


def ours(fields: dict[str, Any], waveforms: list[NDArray[Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    module = build_front_end(front_end(Processor(**fields)))
    features, mask = module([torch.tensor(waveform, dtype=torch.float32) for waveform in waveforms])
    assert features.dtype == torch.float32
    assert mask.dtype == torch.int64
    return features, mask


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SIGNALS)
def test_raw_features(name: str, dtype: type) -> None:
    waveform: NDArray[Any] = SIGNALS[name].astype(dtype)
    fields = {"do_ceptral_normalize": False}
    expected, _ = published(fields, [waveform])
    torch.testing.assert_close(ours(fields, [waveform])[0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SIGNALS)
def test_normalised_features(name: str) -> None:
    waveform = SIGNALS[name]
    raw, _ = published({"do_ceptral_normalize": False}, [waveform])
    expected, _ = published({}, [waveform])
    features, _ = ours({}, [waveform])
    varied = raw[0].double().std(0, correction=0) > 1e-3
    torch.testing.assert_close(features[:, :, varied], expected[:, :, varied], rtol=0, atol=1e-4)
    assert features.isfinite().all()
    constant = raw[0].amin(0) == raw[0].amax(0)
    assert features[:, :, constant].eq(0).all()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"do_ceptral_normalize": False, "padding_value": -3.5},
        {"normalize_means": False},
        {"normalize_vars": False, "padding_value": 2.0},
        {"normalize_means": False, "normalize_vars": False},
        {"num_mel_bins": 40, "feature_size": 40},
        {"num_mel_bins": 23, "feature_size": 23, "sampling_rate": 8000},
        {"sampling_rate": 22050},
        {"sampling_rate": 11025},
    ],
    ids=lambda fields: "-".join(fields) or "defaults",
)
def test_padded_batches(fields: dict[str, Any]) -> None:
    waveforms: list[NDArray[Any]] = [noise(9000, seed=1), SPEECH, noise(700, seed=2), noise(16000, seed=3)]
    expected, expected_mask = published(fields, waveforms)
    features, mask = ours(fields, waveforms)
    assert torch.equal(mask, expected_mask.long())
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-4)


def test_a_row_of_a_batch_is_as_if_alone() -> None:
    waveforms = [noise(length, seed=length) for length in (400, 5000, 3210, 16000, 800)]
    features, mask = ours({}, waveforms)
    for row, waveform in enumerate(waveforms):
        alone, _ = ours({}, [waveform])
        assert torch.equal(features[row, : int(mask[row].sum())], alone[0])


@settings(deadline=None, max_examples=50)
@given(samples=st.integers(400, 4000))
def test_lengths_are_predicted(samples: int) -> None:
    kind = FilterBank()
    _, mask = ours({}, [noise(samples)])
    frames = int(mask.sum())
    assert frames == mask.shape[1] == kind.frames(samples) == 1 + (samples - 400) // 160
    assert kind.fewest_samples(frames) <= samples <= kind.most_samples(frames)
    assert kind.frames(kind.fewest_samples(frames) - 1) == frames - 1
    assert kind.frames(kind.most_samples(frames) + 1) == frames + 1


def test_worked_lengths() -> None:
    assert FilterBank().frames(16000) == 98
    assert FilterBank().frames(9000) == 54
    assert FilterBank().frames(399) == 0
    assert FilterBank().frames(0) == 0


def test_one_frame_is_its_own_mean() -> None:
    features, _ = ours({}, [noise(400)])
    assert features.shape == (1, 1, 80)
    assert features.eq(0).all()


def test_one_constant_bin_leaves_the_others_alone() -> None:
    # Kaldi's floor makes the upper bins of a low tone constant; the lower ones vary.
    waveform = np.concatenate([np.zeros(8000), tone(300, 1e-4, 8000)])
    features, _ = ours({}, [waveform])
    assert features.isfinite().all()
    assert features.std(1).amax() > 0.5
