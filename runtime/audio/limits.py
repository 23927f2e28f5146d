"""How short and how long a model's audio may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runtime.failures import failure
from specs.counts import counted

LongInput = Literal["error", "grow", "chunk"]


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """Lengths in samples; `long_input` is the spec's policy for audio beyond the maximum.

    `error` refuses it, `grow` takes it as it is, with positions that grow where there are any, `chunk` has it
    split at silence. A maximum is `trained` where the model could take more, and would leave most of it out.
    """

    minimum_samples: int = 1
    maximum_samples: int | None = None
    long_input: LongInput = "error"
    trained: bool = False


def check_length(samples: int, sampling_rate: int, limits: AudioLimits, name: str = "the audio") -> None:
    """Raise CrossloomError where audio is empty (XL411), too short (XL412) or too long (XL413).

    Under `chunk` longer audio is an error too: by then it should have been split.
    """
    if samples == 0:
        raise failure("XL411", f"{name} is empty", help="check that the recording holds any samples")
    if samples < limits.minimum_samples:
        raise failure(
            "XL412",
            f"{name} is shorter than the model's minimum: {counted(samples, 'sample')}",
            info=(f"its first output frame needs {_duration(limits.minimum_samples, sampling_rate)}",),
            help="pad the recording with silence, or leave it out",
        )
    if limits.maximum_samples is None or samples <= limits.maximum_samples or limits.long_input == "grow":
        return
    longest = _duration(limits.maximum_samples, sampling_rate)
    raise failure(
        "XL413",
        f"{name} is longer than the model's limit: {_duration(samples, sampling_rate)}",
        info=(
            f"it was trained for up to {longest}, and leaves out most of what is longer"
            if limits.trained
            else f"the model's positions end at {longest}",
        ),
        help="set `long_input: chunk` in the spec to split it at silence"
        if limits.long_input == "error"
        else "split it with the processor's `split` first, as `crossloom run` does",
    )


def _duration(samples: int, sampling_rate: int) -> str:
    return f"{counted(samples, 'sample')} ({samples / sampling_rate:.3g} s)"
