"""How the runtime reports a user's mistake that no line of a spec shows."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from specs.problems import Problem


def failure(
    code: str, message: str, *, info: tuple[str, ...] = (), help: str | None = None
) -> CrossloomError:
    """One error, ready to be raised."""
    return CrossloomError([Diagnostic(code, Severity.ERROR, message, info=info, help=help)])


def refuse(problems: Iterable[Problem]) -> None:
    """Raise the problems as a CrossloomError, if there are any."""
    diagnostics = [
        Diagnostic(p.code, Severity(p.severity), p.message, info=p.info, help=p.help) for p in problems
    ]
    if diagnostics:
        raise CrossloomError(diagnostics)
