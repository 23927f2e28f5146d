"""One entry for all renderers. Each is imported when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TextIO, TypedDict

from compiler.diagnostics.model import Diagnostic
from compiler.diagnostics.order import ordered
from compiler.diagnostics.sources import Sources

FORMATS = ("text", "json", "github", "sarif")


class TerminalSettings(TypedDict):
    """What `render` needs to know of the terminal it writes to."""

    color: bool
    width: int | None


def terminal_settings(stream: TextIO) -> TerminalSettings:
    """How to write to `stream`: in colour, and to its width, only where it is a terminal.

    The environment variable NO_COLOR (https://no-color.org), when not empty, turns colour off.
    """
    if not stream.isatty():
        return TerminalSettings(color=False, width=None)
    from shutil import get_terminal_size

    color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return TerminalSettings(color=color, width=get_terminal_size().columns)


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
