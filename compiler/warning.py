"""Findings that refuse nothing, for those who call from Python."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.rendering import as_text


class CrossloomWarning(UserWarning):
    """A warning of the compiler: its text is the finding as the command line prints it."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic)
        self.diagnostic = diagnostic

    def __str__(self) -> str:
        return as_text([self.diagnostic])


def warn(findings: Iterable[Diagnostic], stacklevel: int) -> None:
    """Pass on what is only a warning; `stacklevel` counts from the caller, as in `warnings.warn`."""
    for finding in findings:
        if finding.severity is Severity.WARNING:
            warnings.warn(CrossloomWarning(finding), stacklevel=stacklevel + 1)
