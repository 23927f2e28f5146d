"""Writing files so that a failure leaves the old ones as they were."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

Write = Callable[[Path], object]
"""Fills the file at a path."""


def replace(path: Path, write: Write) -> Path:
    """Let `write` fill a file beside `path`, then move it there in one step. Makes missing folders."""
    return replace_all({path: write})[0]


def replace_text(path: Path, text: str) -> Path:
    """`replace` with UTF-8 text."""
    return replace(path, text_writer(text))


def replace_all(files: Mapping[Path, Write]) -> list[Path]:
    """`replace` of several files: none is moved before all are filled.

    A failure removes what was begun, folders made for it included.

    Raises:
        OSError: a folder cannot be made, a file cannot be filled, or a folder is in a file's place.
    """
    made: list[Path] = []
    filled: list[tuple[Path, Path]] = []
    try:
        for path, write in files.items():
            made += _make(path.parent)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            os.close(handle)
            filled.append((Path(name), path))
            write(Path(name))
            Path(name).chmod(0o666 & ~_umask())
        for _, path in filled:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        for temporary, path in filled:
            temporary.replace(path)
    except BaseException:
        for temporary, _ in filled:
            temporary.unlink(missing_ok=True)
        for folder in reversed(made):
            with suppress(OSError):  # another process wrote there meanwhile
                folder.rmdir()
        raise
    return list(files)


def text_writer(text: str) -> Write:
    """Fills a file with UTF-8 text."""
    return lambda file: file.write_bytes(text.encode())


def _make(folder: Path) -> list[Path]:
    """Make a folder and those around it; the ones that did not exist, the outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
