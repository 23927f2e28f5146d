"""Whatever holds samples, as a list of waveforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from runtime.failures import failure


def as_waveforms(audio: Any) -> list[Tensor]:
    """One waveform or a list of them (tensors, arrays, lists of numbers) -> [N_i] float32 tensors.

    Raises CrossloomError: several channels (XL410), samples that are integers, not numbers or not
    finite (XL414).
    """
    several = isinstance(audio, (list, tuple)) and len(audio) > 0 and _holds_samples(audio[0])
    rows: Sequence[Any] = audio if several else [audio]
    return [as_waveform(row, f"audio {index}" if several else "the audio") for index, row in enumerate(rows)]


def as_waveform(audio: Any, name: str = "the audio") -> Tensor:
    """One waveform: [N] float32, on the CPU, its values as they were. Raises as `as_waveforms`."""
    samples = audio.detach().cpu() if isinstance(audio, Tensor) else _from_array(audio, name)
    if samples.dim() != 1:
        raise failure(
            "XL410",
            f"{name} has the shape {list(samples.shape)}, not [samples]",
            info=("a second dimension may be channels or a batch; which one is not guessed",),
            help="choose or mix the channels, or pass a batch as a list of waveforms",
        )
    if not samples.is_floating_point():
        raise failure(
            "XL414",
            f"{name} holds {str(samples.dtype).removeprefix('torch.')} samples",
            info=("samples are numbers from -1 to 1",),
            help="divide 16-bit samples by 32768",
        )
    samples = samples.to(torch.float32)
    if not bool(samples.isfinite().all()):
        raise failure(
            "XL414", f"{name} holds samples that are not finite", help="repair the recording or leave it out"
        )
    return samples


def _holds_samples(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray, list, tuple)) and np.ndim(value) > 0


def _from_array(audio: Any, name: str) -> Tensor:
    try:
        array = np.asarray(audio)
        if array.size == 0:
            array = array.astype(np.float32)
        return torch.tensor(array)
    except (TypeError, ValueError):
        raise failure(
            "XL414",
            f"{name} holds no numbers",
            info=(f"it is {type(audio).__name__}",),
            help="pass the samples that `read_audio` returns",
        ) from None
