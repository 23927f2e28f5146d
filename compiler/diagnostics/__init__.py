"""Diagnostics: findings as data, what each code means, and the ways to show them.

`model` holds the data; every renderer is a module of its own; `explanations/` holds one page a code.
"""

from __future__ import annotations

from compiler.diagnostics.fixes import apply_fixes
from compiler.diagnostics.model import CrossloomError, Diagnostic, Edit, Fix, Severity, Span
from compiler.diagnostics.near import near
from compiler.diagnostics.order import ordered, summary
from compiler.diagnostics.rendering import FORMATS, render, terminal_settings

__all__ = [
    "FORMATS",
    "CrossloomError",
    "Diagnostic",
    "Edit",
    "Fix",
    "Severity",
    "Span",
    "apply_fixes",
    "near",
    "ordered",
    "render",
    "summary",
    "terminal_settings",
]
