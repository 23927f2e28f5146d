"""Speech to WAV files."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compiler.writing.files import replace

_LARGEST = 2**15
"""One more than the largest 16-bit sample, as which 1.0 is written; read again, samples are as they were."""


def clipped(waveform: NDArray[np.floating]) -> int:
    """How many samples of a waveform [N] lie beyond -1 to 1, where a file cuts them off."""
    return int((np.abs(waveform) > 1).sum())


def write_speech(path: Path, waveform: NDArray[np.floating], sampling_rate: int) -> None:
    """A waveform [N] from -1 to 1 as a WAV file of 16-bit samples, in one step; what lies beyond is cut off.

    Raises:
        OSError: the file cannot be written.
    """
    samples = np.clip(np.rint(waveform * _LARGEST), -_LARGEST, _LARGEST - 1).astype(np.int16)
    write = import_module("soundfile").write
    replace(path, lambda file: write(file, samples, sampling_rate, subtype="PCM_16", format="WAV"))
