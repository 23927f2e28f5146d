"""Diagnostics as data. Rendering lives in the modules beside this one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Severity(StrEnum):
    """How a finding counts: an error fails the run, a warning does under `--strict`."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Span(NamedTuple):
    """A range of a file. Lines and columns are 1-based; the end column is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    label: str = ""


class Edit(NamedTuple):
    """Replace the text of `span` with `text`."""

    span: Span
    text: str


class Fix(NamedTuple):
    """A machine-applicable repair; only offered where applying it unseen is safe."""

    description: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what, where (primary span first), why it was expected, and one edit that helps."""

    code: str
    severity: Severity
    message: str
    spans: tuple[Span, ...] = ()
    info: tuple[str, ...] = ()
    help: str | None = None
    fix: Fix | None = field(default=None)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-serialisable form with stable keys."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "spans": [_span(span) for span in self.spans],
            "info": list(self.info),
            "help": self.help,
            "fix": None
            if self.fix is None
            else {
                "description": self.fix.description,
                "edits": [{**_span(edit.span), "text": edit.text} for edit in self.fix.edits],
            },
        }


def _span(span: Span) -> dict[str, Any]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "label": span.label,
    }


class CrossloomError(Exception):
    """Raised by the Python interface when findings stop the work; `.diagnostics` holds them all.

    Its text is what the command line prints of them: places, reasons and repairs.
    """

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        from compiler.diagnostics.rendering import as_text  # which draws the data defined here

        return as_text(self.diagnostics)
