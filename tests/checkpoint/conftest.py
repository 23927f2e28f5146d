from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.source import Folder
from compiler.diagnostics.model import CrossloomError, Diagnostic

Findings = Callable[[Mapping[str, bytes]], list[Diagnostic]]


@pytest.fixture
def findings(tmp_path: Path) -> Findings:
    """What `read_checkpoint` finds in a folder of these files; empty where it reads them."""

    def read(files: Mapping[str, bytes]) -> list[Diagnostic]:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        try:
            read_checkpoint(Folder(tmp_path))
        except CrossloomError as error:
            return error.diagnostics
        return []

    return read
