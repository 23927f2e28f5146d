"""Finding specs: by path, or by name in the catalogue, and what to say where there is none."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

import specs
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.near import near

SUFFIXES = (".yaml", ".yml")


@cache
def folder() -> Path:
    """Where the catalogue's specs are."""
    return Path(specs.__file__).parent / "catalogue"


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


def not_found(name: str) -> Diagnostic:
    """XL117 for a spec that `locate` does not find: what it may have meant instead."""
    path = Path(os.path.expanduser(name))
    with suppress(OSError, ValueError):
        if path.is_dir():
            return _failure(f"`{name}` is a folder, not a spec", _in_folder(name, path))
        if "/" not in name and not path.suffix:
            close = near(name, names())
            return _failure(
                f"`{name}` is neither a spec file nor in the catalogue",
                f"did you mean {' or '.join(f'`{one}`' for one in close)}?"
                if close
                else "`crossloom catalogue` lists the names; anything else is a path",
            )
        close = near(path.name, [file.name for file in path.parent.glob("*") if file.suffix in SUFFIXES])
        if close:
            return _failure(f"there is no file `{name}`", f"did you mean `{path.parent / close[0]}`?")
    if name.count("/") == 1 and not path.suffix and not name.startswith((".", "/", "~")):
        help = f"if it is a Hub repository, make a spec of it: `crossloom import {name} -o spec.yaml`"
        return _failure(f"there is no file `{name}`", help)
    return _failure(f"there is no file `{name}`", "check the path")


def _in_folder(name: str, folder: Path) -> str:
    if (folder / "config.json").is_file():
        source = name if name.startswith((".", "/", "~")) else f"./{name}"
        return f"this is a checkpoint; make a spec of it: `crossloom import {source} -o spec.yaml`"
    inside = folder / "spec.yaml"
    return f"name the spec in it: `{inside}`" if inside.is_file() else "name a spec file"


def _failure(message: str, help: str) -> Diagnostic:
    return Diagnostic("XL117", Severity.ERROR, message, help=help)
