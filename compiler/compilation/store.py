"""Compiled packages kept on this machine for the next process.

A package is code, so it is taken from nowhere but a folder that is the user's alone. The digest of its
content is its name, and a record of what it depends on is written last. Files appear whole, and none that a
record names is removed, so any number of processes may find and keep the same at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

VARIABLE = "CROSSLOOM_CACHE"
UNFINISHED = ".partial"
"""What the names of files end with that are being written."""
DAY = 24 * 60 * 60
"""Seconds after which nobody is still writing a file, or about to name it in a record."""


def store_folder() -> Path:
    """In $CROSSLOOM_CACHE, in crossloom/ of $XDG_CACHE_HOME, or in ~/.cache/crossloom."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen) / "packages"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crossloom" / "packages"


class Store:
    """Packages by a key that says all that they depend on; each with the digest of its content.

    Raises CrossloomError (XL605) when the folder belongs to someone else, others may write to or read from
    it, or it cannot be written to.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or store_folder()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._refuse(f"cannot be made: {error.strerror}", f"name another folder in {VARIABLE}")
        self._require_private()

    def find(self, facts: Mapping[str, Any]) -> Path | None:
        """The package of these facts, its content being what was kept; None where one has to be made."""
        try:
            package, digest = self._told(self._record(facts))
            return package if not package.is_symlink() and _digest(package) == digest else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, facts: Mapping[str, Any], make: Callable[[Path], None]) -> Path:
        """Let `make` write a package to a path, and keep it once it is whole.

        It is made elsewhere: torch ends the process where it has no room to write, and copying does not.
        """
        with tempfile.TemporaryDirectory(prefix="crossloom-") as elsewhere:
            made = Path(elsewhere) / "made.pt2"
            make(made)
            try:
                return self._take(made, facts)
            except OSError as error:
                megabytes = made.stat().st_size / 1e6
                what = f"takes no package of {megabytes:.1f} MB: {error.strerror}"
                self._refuse(what, f"make room for it, or name another folder in {VARIABLE}")

    def _take(self, made: Path, facts: Mapping[str, Any]) -> Path:
        self._remove_leftovers()
        digest = _digest(made)
        package = self._package(digest)
        record = json.dumps({"sha256": digest, **facts}, indent=1, sort_keys=True) + "\n"
        self._put(package, lambda file: shutil.copyfile(made, file))
        self._put(self._record(facts), lambda file: file.write_text(record))
        return package

    def _put(self, file: Path, write: Callable[[Path], object]) -> None:
        """A file that is there whole or not at all."""
        # A name of its own: several processes may be writing the same.
        fresh = self.folder / f"{secrets.token_hex(8)}{UNFINISHED}"
        try:
            write(fresh)
            fresh.chmod(0o600)
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)

    def _remove_leftovers(self) -> None:
        """What processes left that were ended while they wrote, and packages that no record names."""
        named = set(self._named())
        for file in self.folder.iterdir():
            if file.suffix in (UNFINISHED, ".pt2") and file not in named:
                with contextlib.suppress(OSError):  # another process may be removing it just now
                    if file.lstat().st_mtime < time.time() - DAY:
                        file.unlink()

    def _named(self) -> Iterator[Path]:
        for record in self.folder.glob("*.json"):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                yield self._told(record)[0]

    def _told(self, record: Path) -> tuple[Path, str]:
        """The package that a record names, and the digest of its content."""
        digest = json.loads(record.read_text())["sha256"]
        return self._package(digest), digest

    def _record(self, facts: Mapping[str, Any]) -> Path:
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
        return self.folder / f"{key}.json"

    def _package(self, digest: str) -> Path:
        return self.folder / f"{digest}.pt2"

    def _require_private(self) -> None:
        status = self.folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            self._refuse("is no folder", "remove it")
        if hasattr(os, "getuid") and status.st_uid != os.getuid():
            self._refuse("belongs to another user", f"name a folder of your own in {VARIABLE}")
        if os.name == "posix" and status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            self._refuse(f"is open to others (mode {mode:04o})", f"chmod 700 {self.folder}")

    def _refuse(self, what: str, help: str) -> NoReturn:
        message = f"the folder of compiled packages {self.folder} {what}"
        info = ("packages are run as code, from a folder that is yours alone",)
        raise CrossloomError([Diagnostic("XL605", Severity.ERROR, message, info=info, help=help)])


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
