"""Writing files so that a failure leaves the old ones as they were."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def replace(path: Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a file beside `path`, then move it there in one step. Makes missing folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def replace_text(path: Path, text: str) -> Path:
    """`replace` with UTF-8 text."""
    return replace(path, lambda file: _write_bytes(file, text.encode()))


def _write_bytes(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
