"""Writing files so that a failure leaves the old ones as they were."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
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
    """`replace` of several files: none is moved before all are filled, and a failure to move one undoes all.

    A failure removes what was begun, folders made for it included. A file keeps its permissions, and a new
    one has those of any new file. What a link leads to is replaced, not the link, and a device or pipe is
    written to as it is.

    Raises:
        OSError: a folder cannot be made, a file cannot be filled, or a folder is in a file's place. It names
            the file that was to be written.
    """
    made: list[Path] = []
    filled: list[tuple[Path, Path]] = []
    try:
        for path, write in files.items():
            if _is_special(path):
                with _about(path, path):
                    write(path)
                continue
            target = path.resolve() if path.is_symlink() else path
            made += _make(target.parent)
            temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
            filled.append((temporary, target))
            with _about(path, temporary):
                temporary.touch(exist_ok=False)
                like = target if target.is_file() else temporary
                permissions = stat.S_IMODE(like.stat().st_mode)
                write(temporary)
                temporary.chmod(permissions)  # some writers make a file of their own, for its owner alone
        for _, path in filled:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        _move(filled)
    except BaseException:
        for temporary, _ in filled:
            temporary.unlink(missing_ok=True)
        for folder in reversed(made):
            with suppress(OSError):  # another process wrote there meanwhile
                folder.rmdir()
        raise
    return list(files)


def _move(filled: list[tuple[Path, Path]]) -> None:
    """Move each file to its place; where that fails or is interrupted, the old files are back in theirs."""
    kept: list[Path] = []
    moved: list[tuple[Path, Path | None]] = []
    try:
        for temporary, path in filled:
            old = None
            if path.exists():
                old = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
                kept.append(old)
                _keep(path, old)
            moved.append((path, old))
            temporary.replace(path)
    except BaseException:
        for path, old in moved:
            if old is None:
                path.unlink(missing_ok=True)
            else:
                old.replace(path)
        raise
    finally:
        for old in kept:
            old.unlink(missing_ok=True)


def _keep(path: Path, old: Path) -> None:
    """A second name for a file; a copy of it where the file system has no such thing."""
    try:
        os.link(path, old)
    except OSError:
        shutil.copy2(path, old)


def text_writer(text: str) -> Write:
    """Fills a file with UTF-8 text."""
    return lambda file: file.write_bytes(text.encode())


def _make(folder: Path) -> list[Path]:
    """Make a folder and those around it; the ones that did not exist, the outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


@contextmanager
def _about(path: Path, written: Path) -> Iterator[None]:
    """Name the file a user knows in a failure to write: writing to an open file names none."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and str(written) not in (error.filename, error.filename2):
            raise
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error


def _is_special(path: Path) -> bool:
    """Whether a path leads to a device, a pipe or a socket, which nothing may take the place of."""
    return path.exists() and not path.is_file() and not path.is_dir()
