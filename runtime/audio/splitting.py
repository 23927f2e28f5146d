"""Cut long audio into chunks that a model can take, where it is quietest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.failures import failure

SEARCH_SECONDS = 5.0
"""How far before the limit a quiet place is looked for."""

QUIET_SECONDS = 0.1
"""How long a place has to be quiet: shorter than a pause between words, longer than a closed consonant."""


def split_at_silence(
    waveform: NDArray[np.floating], sampling_rate: int, limit_samples: int, minimum_samples: int = 1
) -> list[slice]:
    """Slices of a waveform [N] that follow on each other and together are all of it.

    Each is at most `limit_samples` long and, unless the whole waveform is shorter, at least
    `minimum_samples`. A chunk ends at the quietest place of its last five seconds (of its second
    half, if shorter); of places equally quiet, the last.

    Raises CrossloomError (XL413) where the limit is below twice the minimum, since a rest could
    then be both too long and too short to split.
    """
    samples = len(waveform)
    if samples <= limit_samples:
        return [slice(0, samples)] if samples else []
    if limit_samples < 2 * minimum_samples:
        raise failure(
            "XL413",
            f"the audio cannot be split: chunks of {minimum_samples:,} to {limit_samples:,} samples",
            info=("the longest chunk must hold at least two of the shortest",),
            help="raise the model's maximum length, or set `long_input: error`",
        )
    loudness = _loudness(waveform, max(1, round(QUIET_SECONDS * sampling_rate)))
    search = min(max(1, round(SEARCH_SECONDS * sampling_rate)), limit_samples // 2)
    slices = []
    start = 0
    while samples - start > limit_samples:
        latest = min(start + limit_samples, samples - minimum_samples)
        earliest = max(start + minimum_samples, latest - search)
        quietness = loudness[earliest : latest + 1][::-1]
        cut = latest - int(np.argmin(quietness))
        slices.append(slice(start, cut))
        start = cut
    slices.append(slice(start, samples))
    return slices


def _loudness(waveform: NDArray[np.floating], width: int) -> NDArray[np.float64]:
    """Energy of the `width` samples around each cut, [N + 1]; cut i lies before sample i."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64))])
    cuts = np.arange(len(energy))
    before = np.maximum(cuts - width // 2, 0)
    after = np.minimum(cuts + width - width // 2, len(waveform))
    return np.asarray(energy[after] - energy[before])
