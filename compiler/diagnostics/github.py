"""Findings as workflow commands, which GitHub Actions shows beside the lines of a change.

Format: "Workflow commands for GitHub Actions", sections on setting error, warning and notice messages.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.diagnostics.cells import visible
from compiler.diagnostics.model import Diagnostic, Severity, Span

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render_github(findings: Sequence[Diagnostic]) -> str:
    """One `::error file=...,line=...::message` a finding."""
    return "".join(f"{_command(finding)}\n" for finding in findings)


def _command(finding: Diagnostic) -> str:
    properties = {"title": f"crossloom {finding.code}"}
    if finding.spans:
        properties |= _place(finding.spans[0])
    shown = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[finding.severity]} {shown}::{_escape(_body(finding))}"


def _place(span: Span) -> dict[str, str]:
    place = {"file": span.file, "line": str(max(span.line, 1)), "endLine": str(max(span.end_line, 1))}
    if span.line == span.end_line:  # columns of a span over several lines are not accepted
        place |= {"col": str(span.column), "endColumn": str(span.end_column)}
    return place


def _body(finding: Diagnostic) -> str:
    """Message, secondary places, reasons and help, a line each: an annotation shows one place only."""
    lines = [finding.message]
    for index, span in enumerate(finding.spans):
        if span.label:
            lines.append(span.label if index == 0 else f"{span.file}:{span.line}:{span.column}: {span.label}")
    lines += [f"note: {reason}" for reason in finding.info]
    if finding.help:
        lines.append(f"help: {finding.help}")
    return "\n".join(visible(line) for text in lines for line in text.split("\n"))


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
