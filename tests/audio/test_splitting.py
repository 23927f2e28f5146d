"""Chunks of long audio: nothing lost, none too long or too short, cuts where it is quiet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diagnostics.model import CrossloomError
from runtime.audio import AudioLimits, check_length, split_at_silence


@settings(deadline=None)
@given(
    samples=st.integers(0, 3000),
    minimum=st.integers(1, 200),
    spare=st.integers(0, 500),
    rate=st.sampled_from([10, 100, 1000]),
    seed=st.integers(0, 2**32 - 1),
)
def test_slices_cover_the_audio_within_their_limits(
    samples: int, minimum: int, spare: int, rate: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    waveform = (random.standard_normal(samples) * random.integers(0, 2, samples)).astype(np.float32)
    limit = 2 * minimum + spare
    slices = split_at_silence(waveform, rate, limit, minimum)
    joined = np.concatenate([waveform[part] for part in slices]) if slices else waveform[:0]
    np.testing.assert_array_equal(joined, waveform)
    lengths = [part.stop - part.start for part in slices]
    assert all(length <= limit for length in lengths)
    if samples >= minimum:
        assert all(length >= minimum for length in lengths)


def test_cuts_fall_into_the_pause() -> None:
    rate = 1000
    waveform = np.random.default_rng(0).standard_normal(12 * rate)
    waveform[7200:7600] = 0
    first, second = split_at_silence(waveform, rate, 10 * rate)
    assert 7200 < first.stop < 7600
    assert second == slice(first.stop, 12 * rate)


def test_of_equal_places_the_last_is_taken() -> None:
    assert split_at_silence(np.zeros(25), 10, 10) == [slice(0, 10), slice(10, 20), slice(20, 25)]


def test_limits_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(CrossloomError) as raised:
        split_at_silence(np.zeros(600), 10, 500, 400)
    assert [found.code for found in raised.value.diagnostics] == ["XL413"]


@pytest.mark.parametrize(
    ("samples", "policy", "expected"),
    [
        (0, "error", "XL411"),
        (399, "error", "XL412"),
        (1001, "error", "XL413"),
        (1001, "chunk", "XL413"),
        (1001, "grow", None),
        (1000, "error", None),
        (400, "error", None),
    ],
)
def test_lengths_are_checked(samples: int, policy: str, expected: str | None) -> None:
    limits = AudioLimits(400, 1000, policy)  # type: ignore[arg-type]
    if expected is None:
        check_length(samples, 16000, limits)
        return
    with pytest.raises(CrossloomError) as raised:
        check_length(samples, 16000, limits, "`a.wav`")
    (found,) = raised.value.diagnostics
    assert found.code == expected
    assert "`a.wav`" in found.message
