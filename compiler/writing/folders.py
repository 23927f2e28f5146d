"""Folders that are there whole or not at all, on the disk before they have their name."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from compiler.writing.files import replace_all

Fill = Callable[[Path], object]
"""Writes files into a new folder."""


def write_folder(path: Path, fill: Fill) -> bool:
    """Make the folder `path` whole or not at all: `fill` writes a new one, which is flushed and renamed.

    False where there is one by that name already; it stays as it is.
    """
    with _filled(path.with_name(f".{path.name}"), fill) as filled:
        try:
            filled.rename(path)
        except OSError:
            if path.is_dir():
                return False
            raise
    _flush(path.parent)
    return True


def replace_files(folder: Path, fill: Fill) -> list[Path]:
    """Put the files that `fill` writes into `folder`, below it where they are below: all, or none of them.

    Other files of `folder` stay.
    """
    with _filled(folder / ".new", fill) as filled:
        files = sorted(path for path in filled.rglob("*") if path.is_file())
        replaced = replace_all(
            {folder / file.relative_to(filled): partial(os.replace, file) for file in files}
        )
    _flush(folder)
    return replaced


@contextmanager
def _filled(name: Path, fill: Fill) -> Iterator[Path]:
    """A folder that no other process has, filled by `fill` and on the disk; what is left of it goes."""
    folder = name.with_name(f"{name.name}.{secrets.token_hex(4)}")
    folder.mkdir(parents=True)
    try:
        fill(folder)
        for path in folder.rglob("*"):
            _flush(path)
        _flush(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _flush(path: Path) -> None:
    """Wait until a file, or the list of a folder's files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
