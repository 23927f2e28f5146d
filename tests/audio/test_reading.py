"""Files to samples: formats, rates, channels, and every way a file can be unusable."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from compiler.diagnostics.model import CrossloomError
from runtime.audio import read_audio


def tone(rate: int, seconds: float = 0.5, hertz: float = 440.0) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def code(raised: pytest.ExceptionInfo[CrossloomError]) -> str:
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.help
    return diagnostic.code


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_samples_come_back_as_written(tmp_path: Path, name: str) -> None:
    written = tone(16000)
    soundfile.write(tmp_path / name, written, 16000, subtype="PCM_16")
    samples = read_audio(tmp_path / name, 16000)
    assert samples.dtype == np.float32
    assert samples.shape == (8000,)
    np.testing.assert_allclose(samples, written, atol=1 / 32768)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_another_rate_is_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate), rate, subtype="FLOAT")
    samples = read_audio(str(tmp_path / "a.wav"), 16000)
    assert samples.shape == (8000,)
    inner = slice(800, -800)  # away from the edges, where a filter rings
    np.testing.assert_allclose(samples[inner], tone(16000)[inner], atol=1e-3)


def test_what_the_wanted_rate_cannot_hold_is_filtered_out(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(44100, hertz=11000), 44100, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav", 16000)[800:-800]).max() < 1e-4


def test_an_open_file_is_read_and_left_open() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(16000), 16000, format="WAV")
    buffer.seek(0)
    assert read_audio(buffer, 16000).shape == (8000,)
    assert not buffer.closed


def test_channels_are_refused_unless_asked_for(tmp_path: Path) -> None:
    left = tone(16000)
    soundfile.write(tmp_path / "a.wav", np.stack([left, -left / 2], axis=1), 16000, subtype="FLOAT")
    with pytest.raises(CrossloomError) as raised:
        read_audio(tmp_path / "a.wav", 16000)
    assert code(raised) == "XL410"
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 16000, mono="mix"), left / 4, atol=1e-6)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 16000, mono="first"), left, atol=1e-6)
    with pytest.raises(CrossloomError) as raised:
        read_audio(tmp_path / "a.wav", 16000, mono="left")  # type: ignore[arg-type]
    assert code(raised) == "XL112"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 16000)
    with pytest.raises(CrossloomError) as raised:
        read_audio(tmp_path / "a.wav", 16000)
    assert code(raised) == "XL411"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.0, value]), 16000, subtype="FLOAT")
    with pytest.raises(CrossloomError) as raised:
        read_audio(tmp_path / "a.wav", 16000)
    assert code(raised) == "XL414"


@pytest.mark.parametrize("format", ["WAV", "WAVEX", "AIFF", "AU", "FLAC", "MP3"])
@pytest.mark.parametrize("share", [0.5, 0.999])
def test_a_file_that_is_cut_off_is_refused(format: str, share: float) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(16000), 16000, format=format)
    whole = buffer.getvalue()
    assert read_audio(io.BytesIO(whole), 16000).shape == (8000,)
    with pytest.raises(CrossloomError) as raised:
        read_audio(io.BytesIO(whole[: int(len(whole) * share)]), 16000)
    assert code(raised) == "XL414"


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_recording_that_came_through_a_pipe_is_as_long_as_it_is(size: int) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(16000), 16000, format="WAV")
    wave, unknown = buffer.getvalue(), size.to_bytes(4, "little")
    piped = wave[:4] + unknown + wave[8:40] + unknown + wave[44:]
    assert read_audio(io.BytesIO(piped), 16000).shape == (8000,)


@pytest.mark.parametrize("rate", [0, -16000, "16000", 16000.0, True, None])
def test_a_rate_that_is_none_is_refused(rate: int) -> None:
    with pytest.raises(CrossloomError) as raised:
        read_audio(io.BytesIO(), rate)
    assert code(raised) == "XL104"


@pytest.mark.parametrize("contents", [b"", b"not audio", b"RIFF\x00\x00\x00\x00WAVE"])
def test_a_file_without_audio_is_refused(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(contents)
    with pytest.raises(CrossloomError) as raised:
        read_audio(tmp_path / "a.wav", 16000)
    assert code(raised) == "XL414"


@pytest.mark.parametrize("name", ["absent.wav", "."])
def test_a_path_that_cannot_be_opened_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CrossloomError) as raised:
        read_audio(tmp_path / name, 16000)
    assert code(raised) == "XL117"


def test_a_missing_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", tone(8000), 8000)
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert read_audio(tmp_path / "a.wav", 8000).shape == (4000,)
    with pytest.raises(CrossloomError) as raised:
        read_audio(tmp_path / "a.wav", 16000)
    assert code(raised) == "XL414"
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(CrossloomError) as raised:
        read_audio(tmp_path / "a.wav", 8000)
    assert code(raised) == "XL414"
