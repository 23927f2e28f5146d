"""How the runtime reports a user's mistake that no line of a spec shows."""

from __future__ import annotations

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity


def failure(
    code: str, message: str, *, info: tuple[str, ...] = (), help: str | None = None
) -> CrossloomError:
    """One error, ready to be raised."""
    return CrossloomError([Diagnostic(code, Severity.ERROR, message, info=info, help=help)])
