"""Findings as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Sequence

from compiler.diagnostics.model import Diagnostic, Severity


def render_json(findings: Sequence[Diagnostic]) -> str:
    """`{"diagnostics": [Diagnostic.to_dict(), ...], "summary": {"error": 1, "warning": 0, "info": 0}}`."""
    counts = {str(kind): sum(finding.severity is kind for finding in findings) for kind in Severity}
    document = {"diagnostics": [finding.to_dict() for finding in findings], "summary": counts}
    return json.dumps(document, indent=2) + "\n"
