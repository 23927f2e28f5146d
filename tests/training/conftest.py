from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.training import checkpoint
from tests.training.stand_in import write_recordings


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("tones"), 22)


@pytest.fixture(autouse=True)
def plain_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in has no spec to export by; its weights go to a file of torch's."""

    def write_model(model: Any, processor: Any, folder: Path) -> None:
        torch.save(model.state_dict(), folder / "weights.pt")
        processor.save(folder)

    monkeypatch.setattr("runtime.training.loop.write_model", write_model)
    assert checkpoint.write_model is not write_model
