"""How to install what crossloom can do without."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path


def installing(extra: str) -> str:
    """The command that adds an extra of this distribution to the Python that runs."""
    clone = Path(__file__).parents[1]
    python = sys.executable if not _below_here(sys.executable) else os.path.relpath(sys.executable)
    if (clone / "pyproject.toml").is_file():
        place = "." if clone == Path.cwd() else str(clone)
        return f"{python} -m pip install -e '{place}[{extra}]'"
    return f"in a clone of crossloom, {python} -m pip install '.[{extra}]'"


class MissingPackage(ModuleNotFoundError):
    """A package that what is asked for needs, and how to install it."""


def require(what: str, *packages: str, extra: str = "torch") -> None:
    """Raise MissingPackage, saying how to install it, unless every package that `what` needs is here."""
    for package in packages:
        try:
            import_module(package)
        except ImportError:
            message = f"{what} needs {package}, which is not installed: {installing(extra)}"
            raise MissingPackage(message, name=package) from None


def _below_here(path: str) -> bool:
    return Path(path).is_relative_to(Path.cwd())
