"""The loop behind `crossloom run`: order, batches, parts of long recordings, failures."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

import crossloom as crossloom_api
from runtime import transcription
from runtime.audio import AudioLimits
from runtime.flows import HOST, flow_of
from runtime.processing.processor import Processor
from runtime.transcription import Transcript, transcribe
from specs.flow import HOST_OPERATIONS
from specs.processing.stated import FilterBank
from tests.cli.runner import AUDIO, crossloom, result_of

FRONT_END = FilterBank(mel_bins=4, sampling_rate=16000)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that were generated; a recording's text is its number of samples."""
    sizes: list[int] = []

    def execute(flow: Any, host: Any, values: Any, wanted: Any, options: Any) -> dict[str, Any]:
        host.processor(audio=values["audio"], sampling_rate=16000)
        sizes.append(len(values["audio"]))
        texts = [str(len(waveform)) for waveform in values["audio"]]
        return {"text": texts, "token_ids": np.zeros((len(texts), 1))}

    monkeypatch.setattr("runtime.transcription.execute", execute)
    return sizes


def model() -> Any:
    from compiler.analysis import analyse

    spec, _ = analyse("digits").sound()
    return SimpleNamespace(spec=spec, generation_defaults={})


def record(folder: Path, *lengths: int) -> list[str]:
    paths = [folder / f"{index}.wav" for index in range(len(lengths))]
    draw = np.random.default_rng(0)
    for path, length in zip(paths, lengths, strict=True):
        soundfile.write(path, draw.normal(size=length, scale=0.1), 16000)
    return list(map(str, paths))


def texts(found: list[Transcript]) -> list[str | None]:
    return [one.text for one in found]


def test_order_and_batches(batches: list[int], tmp_path: Path) -> None:
    files = record(tmp_path, 1000, 2000, 3000, 4000, 5000)
    found = list(transcribe(model(), Processor(FRONT_END), files, batch_size=2))
    assert texts(found) == ["1000", "2000", "3000", "4000", "5000"]
    assert [one.source for one in found] == files
    assert batches == [2, 2, 1]


def test_what_is_about_as_long_is_padded_together(
    batches: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = (1000, 9000, 1100, 8000, 1200, 7000)
    files = record(tmp_path, *lengths)
    padded: list[int] = []
    run = vars(transcription)["execute"]

    def execute(flow: Any, host: Any, values: Any, wanted: Any, options: Any) -> dict[str, Any]:
        sizes = [len(waveform) for waveform in values["audio"]]
        padded.append(len(sizes) * max(sizes) - sum(sizes))
        made: dict[str, Any] = run(flow, host, values, wanted, options)
        return made

    monkeypatch.setattr("runtime.transcription.execute", execute)
    found = list(transcribe(model(), Processor(FRONT_END), files, batch_size=3))
    assert texts(found) == [*map(str, lengths)], "in the order they were named"
    assert padded == [9000 - 8000 + 9000 - 7000, 100 + 200]


def test_transcripts_come_as_soon_as_they_are_done(batches: list[int], tmp_path: Path) -> None:
    files = record(tmp_path, 1000, 2000, 3000)
    running = transcribe(model(), Processor(FRONT_END), files, batch_size=1)
    assert next(running).text == "1000"
    assert batches == [1]


def test_bad_recordings_leave_the_others_their_places(batches: list[int], tmp_path: Path) -> None:
    files = [*record(tmp_path, 1000, 10, 3000), str(tmp_path / "gone.wav")]
    found = list(transcribe(model(), Processor(FRONT_END), files, batch_size=4))
    assert texts(found) == ["1000", None, "3000", None]
    assert [one.findings[0].code for one in found if one.findings] == ["XL412", "XL117"]
    assert found[1].findings[0].message.startswith(f"`{files[1]}` is shorter")
    assert batches == [2]


def test_long_recordings_are_split_and_joined(batches: list[int], tmp_path: Path) -> None:
    files = record(tmp_path, 9000, 1000)
    limits = AudioLimits(400, 4000, "chunk")
    found = list(transcribe(model(), Processor(FRONT_END, limits=limits), files, batch_size=2))
    parts = [int(text) for text in str(found[0].text).split()]
    assert len(parts) >= 3
    assert sum(parts) == 9000
    assert found[1].text == "1000"
    assert sum(batches) == len(parts) + 1


def test_without_chunking_a_long_recording_is_a_finding(batches: list[int], tmp_path: Path) -> None:
    limits = AudioLimits(400, 4000, "error")
    (found,) = transcribe(model(), Processor(FRONT_END, limits=limits), record(tmp_path, 9000))
    assert [finding.code for finding in found.findings] == ["XL413"]
    assert batches == []


def test_from_python_a_recording_gives_its_text_and_several_a_list(tmp_path: Path) -> None:
    nine, six = AUDIO / "nine.wav", AUDIO / "six_zero_two_two.wav"
    assert crossloom_api.transcribe("digits", nine) == "nine"
    model = crossloom_api.load("digits")
    assert crossloom_api.transcribe(model, str(nine), num_beams=2) == "nine"
    assert crossloom_api.transcribe(model, [six, nine]) == ["six zero two two", "nine"]
    assert crossloom_api.transcribe(model, []) == []
    soundfile.write(tmp_path / "stereo.wav", np.zeros((9000, 2)), 16000)
    files = [tmp_path / "gone.wav", nine, tmp_path / "stereo.wav"]
    with pytest.raises(crossloom_api.CrossloomError) as raised:
        crossloom_api.transcribe(model, files)
    assert [finding.code for finding in raised.value.diagnostics] == ["XL117", "XL410"]
    with pytest.raises(crossloom_api.CrossloomError, match="XL406"):
        crossloom_api.transcribe(model, nine, beams=2)


def test_a_recording_that_is_cut_off_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "cut.wav").write_bytes((AUDIO / "nine.wav").read_bytes()[:9000])
    outcome = crossloom("run", "digits", tmp_path / "cut.wav")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "error[XL414]" in outcome.stderr
    assert "is cut off" in outcome.stderr


def test_a_path_keeps_to_its_line_and_column(tmp_path: Path) -> None:
    names = ["two\nlines.wav", "a\ttab.wav", "ünï code.wav", "not\udcffutf8.wav"]
    for name in names:
        shutil.copy(AUDIO / "nine.wav", tmp_path / name)
    paths = [str(tmp_path / name) for name in names]
    lines = crossloom("run", "digits", *paths).stdout.splitlines()
    shown = [r"two\nlines.wav", r"a\ttab.wav", "ünï code.wav", r"not\udcffutf8.wav"]
    assert lines == [f"{tmp_path}/{name}\tnine" for name in shown]
    assert [one["input"] for one in result_of("run", "digits", *paths[:3], "--format", "json")] == paths[:3]


def test_a_folder_and_stereo_are_told_with_what_helps(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "stereo.wav", np.zeros((9000, 2)), 16000)
    outcome = crossloom("run", "digits", tmp_path, tmp_path / "stereo.wav")
    assert outcome.exit_code == 1
    assert f"error[XL117]: `{tmp_path}` is a folder" in outcome.stderr
    assert "FOLDER/*.wav" in outcome.stderr
    assert "--mono mix" in outcome.stderr
    assert crossloom("run", "digits", tmp_path / "stereo.wav", "--mono", "mix").exit_code == 0


def test_every_host_operation_is_implemented() -> None:
    assert tuple(sorted(HOST)) == HOST_OPERATIONS
    assert flow_of(model().spec).output == "text"
