"""Work that is a whole process: from its start to its end, with its own peak memory."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from benchmarks.sides import Work
from runtime.measuring.samples import spawned


def python(arguments: list[str], printed: bool = False) -> Work:
    """A Python process; with `printed`, what it writes is what both sides have to agree on."""
    command = [sys.executable, *arguments]

    def run() -> dict[str, Any]:
        told = subprocess.run(command, check=False, capture_output=True, text=True)
        if told.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {told.returncode}\n{told.stderr}")
        return {"printed": told.stdout} if printed else {}

    return Work(run, lambda: spawned(command))
