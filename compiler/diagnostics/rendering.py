"""One entry for all renderers. Each is imported when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TextIO, TypedDict

from compiler.diagnostics.model import Diagnostic
from compiler.diagnostics.order import ordered
from compiler.diagnostics.sources import Sources

_USUAL_WIDTH = 80
"""Of a terminal that does not say how wide it is."""

FORMATS = ("text", "json", "github", "sarif")


class TerminalSettings(TypedDict):
    """What `render` needs to know of the terminal it writes to."""

    color: bool
    width: int | None


def terminal_settings(stream: TextIO) -> TerminalSettings:
    """How to write to `stream`: in colour where it is a terminal, and to its width where that is known.

    The environment variable NO_COLOR (https://no-color.org), when not empty, turns colour off. COLUMNS, where
    it is set to a number, is the width, of a pipe or file too.
    """
    color = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return TerminalSettings(color=color, width=_width(stream))


def _width(stream: TextIO) -> int | None:
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    if not stream.isatty():
        return None
    with suppress(OSError, ValueError):  # a terminal of an emulation, which has no file behind it
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    return _USUAL_WIDTH


def render(
    diagnostics: Iterable[Diagnostic],
    format: str = "text",
    sources: Mapping[str, str] | None = None,
    *,
    color: bool = False,
    width: int | None = None,
) -> str:
    """All findings in order, as text that ends in a newline (or is empty).

    `format` is one of `FORMATS`. `sources` maps file names to their text; a file not in it is read
    when a line of it is shown. `color` and `width` (columns; None for no limit on prose) concern
    the format `text` alone: `render(found, "text", **terminal_settings(sys.stdout))`.
    """
    findings, lines = ordered(diagnostics), Sources(sources)
    if format == "text" and not findings:
        return ""
    if format == "text":
        from compiler.diagnostics.terminal import render_terminal

        return render_terminal(findings, lines, color=color, width=width)
    if format == "json":
        from compiler.diagnostics.json import render_json

        return render_json(findings)
    if format == "github":
        from compiler.diagnostics.github import render_github

        return render_github(findings)
    assert format == "sarif", f"no renderer for {format!r}"
    from compiler.diagnostics.sarif import render_sarif

    return render_sarif(findings, lines)


def as_text(diagnostics: Iterable[Diagnostic]) -> str:
    """All findings as `render` writes them for people, without their number and a last newline."""
    return render(diagnostics).rpartition("\n\n")[0]
