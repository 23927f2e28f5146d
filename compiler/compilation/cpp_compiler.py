"""The C++ compiler that torch's inductor calls."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity


def require_compiler() -> None:
    """Raise CrossloomError (XL606) unless a C++ compiler can be found, as inductor looks for one."""
    if not any(map(shutil.which, named())):
        raise no_compiler(f"there is no {' or '.join(named())}")


def named() -> list[str]:
    """What the environment names, or else what is looked for."""
    given = os.environ.get("CXX")
    return [shlex.split(given)[0]] if given else ["g++", "clang++"]


def no_compiler(why: str) -> CrossloomError:
    """XL606, for a reason."""
    message = f'`compile="max"` needs a C++ compiler, and {why}'
    help = 'install one (g++ or clang++) or name it in CXX, or compile with "fast" or not at all'
    return CrossloomError([Diagnostic("XL606", Severity.ERROR, message, help=help)])


def takes(flags: Iterable[str]) -> bool:
    """Whether the compiler knows these flags, and warns of none."""
    compiler = next(filter(shutil.which, named()), None)
    if compiler is None:
        return False
    command = [compiler, *flags, "-Werror", "-fsyntax-only", "-x", "c++", os.devnull]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
