"""A repository on the Hub from its id to text: import, verify by headers, load, transcribe, offline."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import crossloom
from tests.hub.client import client
from tests.hub.server import FakeHub, Repository, serve

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
WEIGHTS = (DIGITS / "checkpoint" / "model.safetensors").stat().st_size


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    files = {file.name: file.read_bytes() for file in (DIGITS / "checkpoint").iterdir()}
    repository = Repository({"main": files})
    with serve({"org/digits": repository}) as running, client(running.endpoint, tmp_path / "cache"):
        yield running


def transcript(model: object) -> str:
    processor = crossloom.load_processor(model.spec)  # type: ignore[attr-defined]
    audio = crossloom.read_audio(DIGITS / "audio" / "nine.wav", processor.sampling_rate)
    inputs = processor(audio=audio, sampling_rate=processor.sampling_rate)
    return processor.batch_decode(crossloom.generate(model, **inputs))[0]


def test_import_and_verify_fetch_no_weights(hub: FakeHub) -> None:
    spec = crossloom.import_spec("org/digits")
    assert crossloom.verify(spec) == []
    assert spec.weights is not None
    assert "@" in spec.weights, "the resolved commit is part of the spec"
    downloaded = sum(request.sent for request in hub.requests if "model.safetensors" in request.path)
    assert 0 < downloaded < WEIGHTS / 4


def test_load_and_transcribe(hub: FakeHub) -> None:
    model = crossloom.from_pretrained("org/digits")
    assert transcript(model) == transcript(crossloom.from_pretrained(DIGITS / "checkpoint"))


def test_offline_after_one_download(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    first = crossloom.from_pretrained("org/digits")
    said = transcript(first)
    asked = len(hub.requests)
    with warnings.catch_warnings(action="error"):
        model = crossloom.from_pretrained("org/digits", local_files_only=True)
    assert model.spec.data == first.spec.data
    processor = crossloom.load_processor(model.spec, local_files_only=True)
    assert processor.sampling_rate == 16000
    assert len(hub.requests) == asked
    assert said


def test_offline_without_a_download_says_so(hub: FakeHub) -> None:
    with pytest.raises(crossloom.CrossloomError) as raised:
        crossloom.from_pretrained("org/digits", local_files_only=True)
    assert [d.code for d in raised.value.diagnostics] == ["XL515"]
