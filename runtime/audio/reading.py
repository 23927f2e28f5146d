"""Read WAV, FLAC and whatever else libsndfile knows, as mono samples of the wanted rate."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from numbers import Integral
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from compiler.installing import installing
from runtime.failures import failure

Mono = Literal["mix", "first"]

_SHORTAGE = re.compile(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
"""libsndfile's note where the samples of a WAV, AIFF or AU file are fewer bytes than its header says."""

_UNTOLD = 0x7FFF0000
"""From here on a header's number of bytes means: written to a pipe, as long as it turns out to be."""


def read_audio(
    path: str | os.PathLike[str] | BinaryIO, sampling_rate: int, mono: Mono | None = None
) -> NDArray[np.float32]:
    """Samples in [-1, 1] of a file, or of an open binary file: float32 [N] at `sampling_rate`.

    Another rate is converted by soxr at high quality. Several channels are an error unless `mono`
    says to take their mean (`"mix"`) or the first of them (`"first"`).

    Raises CrossloomError: file cannot be opened (XL117), several channels (XL410), no samples
    (XL411), no audio, less of it than its header says, or samples that are not finite (XL414); a
    sampling rate that is none (XL104).
    """
    if isinstance(sampling_rate, bool) or not isinstance(sampling_rate, Integral) or sampling_rate < 1:
        raise failure(
            "XL104",
            f"`sampling_rate` is {sampling_rate!r}, not a whole number of samples a second",
            help="pass the model's own, `processor.sampling_rate`",
        )
    if mono not in (None, "mix", "first"):
        raise failure("XL112", f"`mono` is {mono!r}", help='use mono="mix" or mono="first", or leave it out')
    name = f"`{os.fspath(path)}`" if isinstance(path, (str, os.PathLike)) else "the audio"
    channels, stored_rate = _read(path, name)
    if not np.isfinite(channels).all():
        raise failure(
            "XL414",
            f"{name} holds samples that are not finite",
            info=("one nan makes every feature nan",),
            help="repair the recording; a float WAV may hold nan or infinity",
        )
    samples = _resample(_one_channel(channels, mono, name), stored_rate, sampling_rate)
    if samples.shape[0] == 0:
        raise failure("XL411", f"{name} is empty", help="check that the recording holds any samples")
    return samples


def _read(path: str | os.PathLike[str] | BinaryIO, name: str) -> tuple[NDArray[np.float32], int]:
    """Samples [N, channels] and their rate."""
    soundfile = _library("soundfile")
    try:
        with _opened(path) as file, soundfile.SoundFile(file) as audio:
            samples = audio.read(dtype="float32", always_2d=True)
            _check_complete(len(samples), audio, name)
            return samples, audio.samplerate
    except soundfile.LibsndfileError as error:
        raise failure(
            "XL414",
            f"{name} cannot be read as audio: {error.error_string.rstrip('.')}",
            info=("WAV, FLAC, OGG and MP3 can be read",),
            help="convert it, for example with `ffmpeg -i FILE out.wav`",
        ) from None
    except IsADirectoryError:
        raise failure(
            "XL117",
            f"{name} is a folder, not a recording",
            help="name the recordings in it, as your shell does for `FOLDER/*.wav`",
        ) from None
    except OSError as error:
        raise failure(
            "XL117", f"{name} cannot be opened: {error.strerror or error}", help="check the path"
        ) from None


def _opened(path: str | os.PathLike[str] | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """A file to be closed, or one that was open and stays so."""
    return Path(path).open("rb") if isinstance(path, (str, os.PathLike)) else nullcontext(path)


def _check_complete(samples: int, audio: Any, name: str) -> None:
    """Refuse (XL414) a file that ends before what its header announces."""
    shortage = _SHORTAGE.search(audio.extra_info)
    promised, held, unit = audio.frames, samples, "samples"
    if shortage and int(shortage[1]) < _UNTOLD:
        promised, held, unit = int(shortage[1]), int(shortage[2]), "bytes of samples"
    if held < promised:
        raise failure(
            "XL414",
            f"{name} is cut off: its header announces {promised:,} {unit}, and it holds {held:,}",
            info=("half a recording would be transcribed as if it were all of it",),
            help="copy or record it again; `ffmpeg -i FILE out.wav` keeps what is there",
        )


def _one_channel(channels: NDArray[np.float32], mono: Mono | None, name: str) -> NDArray[np.float32]:
    count = channels.shape[1]
    if count == 1 or mono == "first":
        return np.ascontiguousarray(channels[:, 0])
    if mono == "mix":
        return np.asarray(channels.mean(axis=1), dtype=np.float32)
    raise failure(
        "XL410",
        f"{name} has {count} channels",
        info=("the model hears one channel; mixing speakers recorded apart would change what is said",),
        help='pass mono="mix" (--mono mix) for their mean, or mono="first" (--mono first) for the first one',
    )


def _resample(samples: NDArray[np.float32], stored_rate: int, sampling_rate: int) -> NDArray[np.float32]:
    if stored_rate == sampling_rate:
        return samples
    resample = _library("soxr").resample
    return np.asarray(resample(samples, stored_rate, sampling_rate, quality="HQ"), dtype=np.float32)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except (ImportError, OSError) as error:  # OSError: the C library below it is missing
        raise failure(
            "XL414",
            f"audio cannot be read: {error}",
            info=(f"it is read with {name}",),
            help=installing("audio"),
        ) from None
