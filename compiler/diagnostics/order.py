"""The order of findings, and their number in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from compiler.diagnostics.model import Diagnostic, Severity


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Findings file by file, in the order the files first appear, and by line within a file.

    Findings without a span stay together where the first of them stood; ties keep their order.
    """
    findings = list(diagnostics)
    files: dict[str, int] = {}
    for finding in findings:
        files.setdefault(_file(finding), len(files))

    def place(finding: Diagnostic) -> tuple[int, int, int]:
        span = finding.spans[0] if finding.spans else None
        return files[_file(finding)], span.line if span else 0, span.column if span else 0

    return sorted(findings, key=place)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many findings of each severity: `2 errors, 1 warning`; `no findings` where there are none."""
    counts = Counter(finding.severity for finding in diagnostics)
    parts = [_count(counts[severity], severity) for severity in Severity if counts[severity]]
    return ", ".join(parts) or "no findings"


def _count(number: int, severity: Severity) -> str:
    plural = "s" if number != 1 and severity is not Severity.INFO else ""
    return f"{number} {severity}{plural}"


def _file(finding: Diagnostic) -> str:
    return finding.spans[0].file if finding.spans else ""
