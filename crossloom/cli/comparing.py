"""`crossloom bench --against`: the comparison, which lies beside the package in its repository."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from compiler.installing import MissingPackage, require

ROOT = Path(__file__).parents[2]
"""The repository, where the package runs in one."""
_COMMAND = "`crossloom bench --against transformers`"


def compare(
    rows: Sequence[str],
    modes: Sequence[str],
    rounds: int,
    threads: int | None,
    file: Path | None,
    chart: Path | None,
) -> int:
    """Measure rows beside transformers; the exit code.

    Raises:
        MissingPackage: a package that it needs is not installed, or this is no repository.
    """
    if not (ROOT / "benchmarks" / "command.py").is_file():
        message = (
            f"{_COMMAND} needs the folder `benchmarks` of the repository: run it in a clone of crossloom"
        )
        raise MissingPackage(message, name="benchmarks")
    require(_COMMAND, "torch", "transformers", "safetensors", "soundfile", extra="test")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    measure = import_module("benchmarks.command").compare  # which is not installed with the package
    code: int = measure(rows, modes, rounds, threads or os.cpu_count() or 1, file, chart)
    return code
