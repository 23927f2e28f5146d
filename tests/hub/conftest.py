from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkpoint.files import SPEECH, safetensors
from tests.hub.client import client
from tests.hub.server import FakeHub, Repository, serve

CONFIG = b'{"model_type": "speech_to_text", "d_model": 2}'


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub with `org/speech` (two revisions), `org/gated` and `org/private`, which this process talks to.

    Retries do not wait.
    """
    files = {"config.json": CONFIG, "model.safetensors": safetensors(SPEECH)}
    older = {"config.json": CONFIG, "model.safetensors": safetensors({"old": ("F32", [1], bytes(4))})}
    repositories = {
        "org/speech": Repository({"main": files, "v1": older}),
        "org/gated": Repository({"main": files}, gated=True, token="hf_member"),
        "org/private": Repository({"main": files}, token="hf_member"),
    }
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with serve(repositories) as running, client(running.endpoint, cache):
        yield running
