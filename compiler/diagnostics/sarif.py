"""Findings as SARIF 2.1.0 (OASIS standard, 27 March 2020), for code scanning services."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from compiler.diagnostics.explain import title
from compiler.diagnostics.model import Diagnostic, Edit, Fix, Severity, Span
from compiler.diagnostics.sources import Sources

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render_sarif(findings: Sequence[Diagnostic], sources: Sources) -> str:
    """One run of one tool; the rules are the codes that occur, in order."""
    codes = sorted({finding.code for finding in findings})
    rules = [{"id": code, "shortDescription": {"text": title(code)}} for code in codes]
    seen: Counter[str] = Counter()
    results = []
    for finding in findings:
        fingerprint = _fingerprint(finding, sources)
        results.append(_result(finding, codes.index(finding.code), f"{fingerprint}:{seen[fingerprint]}"))
        seen[fingerprint] += 1
    run = {
        "tool": {"driver": {"name": "crossloom", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: Diagnostic, rule: int, fingerprint: str) -> dict[str, Any]:
    help = [f"Help: {finding.help}"] if finding.help else []
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join([finding.message, *finding.info, *help])},
        "partialFingerprints": {"crossloom/v1": fingerprint},
    }
    if finding.spans:
        result["locations"] = [_location(finding.spans[0])]
    if len(finding.spans) > 1:
        result["relatedLocations"] = [
            {"id": number, **_location(span)} for number, span in enumerate(finding.spans[1:], start=1)
        ]
    if finding.fix:
        result["fixes"] = [_fix(finding.fix)]
    return result


def _location(span: Span) -> dict[str, Any]:
    physical = {"artifactLocation": {"uri": _uri(span.file)}, "region": _region(span)}
    location: dict[str, Any] = {"physicalLocation": physical}
    if span.label:
        location["message"] = {"text": span.label}
    return location


def _region(span: Span) -> dict[str, int]:
    """Lines and columns are 1-based with an exclusive end, as ours are; a whole file begins at 1."""
    line, column = max(span.line, 1), max(span.column, 1)
    return {
        "startLine": line,
        "startColumn": column,
        "endLine": max(span.end_line, line),
        "endColumn": max(span.end_column, 1),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    edits: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        edits.setdefault(edit.span.file, []).append(edit)
    changes = [
        {
            "artifactLocation": {"uri": _uri(file)},
            "replacements": [
                {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
                for edit in changes
            ],
        }
        for file, changes in edits.items()
    ]
    return {"description": {"text": fix.description}, "artifactChanges": changes}


def _uri(file: str) -> str:
    """Relative to the working directory where the file lies beneath it, else an absolute file URI."""
    path = Path(file)
    if path.is_absolute():
        if not path.is_relative_to(Path.cwd()):
            return path.as_uri()
        path = path.relative_to(Path.cwd())
    return quote(path.as_posix())


def _fingerprint(finding: Diagnostic, sources: Sources) -> str:
    """Stays the same when lines are inserted above: the code, the file, and the text of the line."""
    if not finding.spans:
        parts = [finding.code, finding.message]
    else:
        span = finding.spans[0]
        line = sources.line(span.file, span.line)
        parts = [finding.code, _uri(span.file), finding.message if line is None else line.strip()]
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
