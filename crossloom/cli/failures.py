"""What a failure prints on standard error, and the exit code it becomes."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from compiler.diagnostics.model import Diagnostic

FINDINGS = 1
USAGE = 2
INTERNAL = 70
INTERRUPTED = 130
TERMINATED = 143

UNREACHABLE = ("XL117", "XL514", "XL515")
"""A file that cannot be opened, a checkpoint that is not there, a Hub that does not answer."""

_ROOM = "make room, or write to another place"
_ADVICE = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EFBIG: _ROOM, errno.EIO: _ROOM}
"""What helps, by the system's error number."""


class Terminated(BaseException):
    """The process was asked to end (SIGTERM)."""


def terminate(*_: object) -> NoReturn:
    """As a signal's handler: end as after Ctrl-C, with what was begun tidied away."""
    raise Terminated


def strictly(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Findings under `--strict`: warnings are errors."""
    from compiler.diagnostics.model import Severity

    return [
        replace(one, severity=Severity.ERROR) if one.severity is Severity.WARNING else one for one in findings
    ]


def exit_code(findings: Iterable[Diagnostic]) -> int:
    """0 without errors; 2 where something could not be reached, else 1."""
    errors = [finding.code for finding in findings if finding.severity == "error"]
    if any(code in UNREACHABLE for code in errors):
        return USAGE
    return FINDINGS if errors else 0


def exit_code_of(error: BaseException, ctx: click.Context) -> int:
    """Tell the user about an exception, and give the exit code for it."""
    if isinstance(error, BrokenPipeError):
        # Whoever read the output has seen enough. Python would complain when it flushes on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    if isinstance(error, Terminated):
        click.echo("terminated", err=True)
        return TERMINATED
    from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
    from compiler.installing import MissingPackage
    from crossloom.cli.output import report

    if isinstance(error, MissingPackage):
        click.echo(f"Error: {error}", err=True)
        return USAGE
    if isinstance(error, CrossloomError):
        report(error.diagnostics)
        return exit_code(error.diagnostics) or FINDINGS
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        # Writing to standard output names no file.
        message = reason if error.filename is None else f"`{error.filename}`: {reason}"
        help = _ADVICE.get(error.errno or 0, "check the path and its permissions")
        report([Diagnostic("XL117", Severity.ERROR, message, help=help)])
        return USAGE
    debug = ctx.params.get("debug") or os.environ.get("CROSSLOOM_DEBUG", "0") not in ("", "0")
    if debug:
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    help = "this is a fault of crossloom, not of your spec" + (
        "" if debug else "; `crossloom --debug` shows where it happened"
    )
    report([Diagnostic("XL901", Severity.ERROR, f"internal error: {what}", help=help)])
    return INTERNAL
