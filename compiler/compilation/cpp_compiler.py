"""The C++ compiler that torch's inductor calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

OPTION = "cpp.cxx"
"""Of inductor: where programs are named that it tries one after another. It would know `g++` alone."""
LOOKED_FOR = ("g++", "clang++")
"""Where the environment names none."""
INSTALL = 'install one (g++ or clang++) or name it in CXX, or compile with "fast" or not at all'
BESIDE = "torch calls openssl as well, and writes to the folder that TMPDIR names: it has to have room"
ALONE = "let CXX name a program alone; where it needs arguments, a script that calls it with them"


def require_compiler() -> str:
    """The program to call: what CXX names, or the first that is there of those looked for.

    Raises CrossloomError (XL606) where there is none, it cannot be run, or CXX is more than one word:
    inductor takes all of that for the name of a program.
    """
    named = os.environ.get("CXX", "").strip()
    if len(named.split()) > 1:
        raise no_compiler(f"CXX has to name it by one word, and is `{named}`", ALONE)
    found = next(filter(shutil.which, (named,) if named else LOOKED_FOR), None)
    if found is None:
        raise no_compiler(f"there is no {named or ' or '.join(LOOKED_FOR)}")
    if failure := _failure([found, "--version"]):
        raise no_compiler(f"{found} cannot be run: {failure}")
    return os.path.abspath(found) if os.path.dirname(found) else found  # inductor calls it from elsewhere


def no_compiler(why: str, help: str = INSTALL, output: str = "") -> CrossloomError:
    """XL606, for a reason, with the first error in the output of the compiler."""
    message = f'`compile="max"` needs a C++ compiler, and {why}'
    info = tuple(line.strip() for line in output.splitlines() if "error: " in line)[:1]
    return CrossloomError([Diagnostic("XL606", Severity.ERROR, message, info=info, help=help)])


def takes(flags: Iterable[str]) -> bool:
    """Whether the compiler is there and knows these flags, and warns of none."""
    try:
        compiler = require_compiler()
    except CrossloomError:
        return False
    return not _failure([compiler, *flags, "-Werror", "-fsyntax-only", "-x", "c++", os.devnull])


def _failure(command: list[str]) -> str:
    """Why a command fails; nothing where it does not."""
    try:
        status = subprocess.run(command, capture_output=True, check=False).returncode
    except OSError as error:
        return str(error.strerror)
    return f"its exit status is {status}" if status else ""
