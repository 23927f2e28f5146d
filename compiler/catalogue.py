"""Finding specs: by path, or by name in the catalogue."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def folder() -> Path:
    """Where the catalogue's specs are."""
    return Path(str(files("specs").joinpath("catalogue")))


def names() -> list[str]:
    """Every catalogue name, sorted."""
    return sorted(file.stem for file in folder().glob("*.yaml"))


def locate(name: str, base: Path | None) -> Path | None:
    """The file meant by a path (relative to `base`) or a catalogue name; None if there is none.

    A catalogue name is a bare word; anything with a separator or a suffix is a path. A pipe is a file too,
    one that can be read once.
    """
    with suppress(OSError, RuntimeError, ValueError):  # a name no file can have, or an unknown user's home
        path = Path(name).expanduser()
        path = path if path.is_absolute() or base is None else base / path
        if path.exists() and not path.is_dir():
            return path
        if "/" not in name and (entry := folder() / f"{name}.yaml").is_file():
            return entry
    return None
