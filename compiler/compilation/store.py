"""Compiled packages kept on this machine for the next process.

A package is code, so it is taken from nowhere but a folder that is the user's alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

VARIABLE = "CROSSLOOM_CACHE"


def store_folder() -> Path:
    """In $CROSSLOOM_CACHE, in crossloom/ of $XDG_CACHE_HOME, or in ~/.cache/crossloom."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen) / "packages"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crossloom" / "packages"


class Store:
    """Packages by a key that says all that they depend on; each with the digest of its content.

    Raises CrossloomError (XL605) when the folder belongs to someone else, or others may write to or read
    from it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or store_folder()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._refuse(f"cannot be made: {error.strerror}", f"name another folder in {VARIABLE}")
        self._require_private()

    def find(self, facts: Mapping[str, Any]) -> Path | None:
        """The package of these facts, its content being what was kept. A damaged one is removed."""
        package, record = self._files(facts)
        try:
            kept = json.loads(record.read_text())["sha256"]
            if package.is_symlink() or _digest(package) != kept:
                raise ValueError
        except FileNotFoundError:
            return None  # another process may be keeping it just now
        except (OSError, ValueError, KeyError, TypeError):
            _remove(package)
            _remove(record)
            return None
        return package

    def keep(self, facts: Mapping[str, Any], make: Callable[[Path], None]) -> Path:
        """Let `make` write a package to a path, and keep it once it is whole."""
        package, record = self._files(facts)
        # A name of its own: several processes may be making the same.
        fresh = self.folder / f"{secrets.token_hex(8)}.pt2"
        try:
            make(fresh)
            fresh.chmod(0o600)
            told = fresh.with_suffix(".json")
            told.write_text(json.dumps({"sha256": _digest(fresh), **facts}, indent=1, sort_keys=True) + "\n")
            told.chmod(0o600)
            fresh.replace(package)
            told.replace(record)
        finally:
            fresh.unlink(missing_ok=True)
            fresh.with_suffix(".json").unlink(missing_ok=True)
        return package

    def _files(self, facts: Mapping[str, Any]) -> tuple[Path, Path]:
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
        return self.folder / f"{key}.pt2", self.folder / f"{key}.json"

    def _require_private(self) -> None:
        status = self.folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            self._refuse("is no folder", "remove it")
        if hasattr(os, "getuid") and status.st_uid != os.getuid():
            self._refuse("belongs to another user", f"name a folder of your own in {VARIABLE}")
        if os.name == "posix" and status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            self._refuse(f"is open to others (mode {mode:04o})", f"chmod 700 {self.folder}")

    def _refuse(self, what: str, help: str) -> None:
        message = f"the folder of compiled packages {self.folder} {what}"
        info = ("what lies in it is run as code",)
        raise CrossloomError([Diagnostic("XL605", Severity.ERROR, message, info=info, help=help)])


def _remove(path: Path) -> None:
    """Whatever lies there, a file as a rule."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
