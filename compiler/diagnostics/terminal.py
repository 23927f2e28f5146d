"""Findings for people: the source line, what is wrong in it underlined, and what to do.

The layout is that of rustc: a gutter with line numbers, `^^^` under the primary span, `----` under
the others, reasons as `note:`, one edit as `help:`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from compiler.diagnostics.cells import visible, width, window
from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.diagnostics.order import summary
from compiler.diagnostics.sources import Sources

_UNLIMITED_PROSE = 100_000
_SOURCE_COLUMNS = 100
"""Of a source line when the output is no terminal: enough to see a mistake in its surroundings."""
_NARROWEST = 40

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_BLUE = "\x1b[1;34m"
_GREEN = "\x1b[1;32m"
_COLORS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m", Severity.INFO: "\x1b[1;36m"}


def render_terminal(
    findings: Sequence[Diagnostic], sources: Sources, *, color: bool = False, width: int | None = None
) -> str:
    """All findings and a summary line. `width` in columns; None leaves prose unwrapped."""
    page = _Page(sources, color, None if width is None else max(width, _NARROWEST))
    blocks = ["\n".join(page.finding(finding)) for finding in findings]
    return "\n\n".join([*blocks, summary(findings)]) + "\n"


@dataclass(frozen=True, slots=True)
class _Page:
    sources: Sources
    color: bool
    columns: int | None

    def finding(self, finding: Diagnostic) -> Iterator[str]:
        severity = self._paint(f"{finding.severity}[{finding.code}]", _COLORS[finding.severity])
        lead = len(f"{finding.severity}[{finding.code}]: ")
        first, *rest = self._prose(finding.message, lead, indent=2)
        yield f"{severity}: {self._paint(first, _BOLD)}"
        yield from (f"  {self._paint(line, _BOLD)}" for line in rest)
        yield from self._spans(finding)
        for reason in finding.info:
            yield from self._paragraph("note", reason, _BOLD)
        if finding.help:
            yield from self._paragraph("help", finding.help, _GREEN)

    def _spans(self, finding: Diagnostic) -> Iterator[str]:
        digits = max((len(str(span.line)) for span in finding.spans), default=1)
        margin = " " * (digits + 1)
        file: str | None = None
        shown_line: int | None = None
        for index, span in enumerate(finding.spans):
            source = self.sources.line(span.file, span.line)
            if span.file != file or source is None:
                arrow = self._paint("-->" if index == 0 else ":::", _BLUE)
                place = visible(f"{span.file}:{span.line}:{span.column}")
                if source is None:
                    # No line to show; and where none was meant, the file is the place.
                    place = visible(span.file) if (span.line, span.column) == (1, 1) else place
                    label = f": {visible(span.label)}" if span.label else ""
                    yield f"{margin}{arrow} {place}{label}"
                    file = None
                    continue
                yield f"{margin}{arrow} {place}"
                yield margin + self._paint(" |", _BLUE)
                file, shown_line = span.file, None
            color = _COLORS[finding.severity] if index == 0 else _BLUE
            # A long line is cut around its span, so only a line shown in full can carry two.
            text, below, is_whole = self._underlined(source, span, digits, "^" if index == 0 else "-", color)
            if shown_line != span.line:
                yield self._paint(f" {span.line:>{digits}} |", _BLUE) + (f" {text}" if text else "")
            yield from below
            shown_line = span.line if is_whole else None

    def _underlined(
        self, source: str, span: Span, digits: int, mark: str, color: str
    ) -> tuple[str, list[str], bool]:
        """The source line as shown, the lines below it, and whether all of it is shown."""
        start = min(span.column - 1, len(source))
        end = min(span.end_column - 1, len(source)) if span.end_line == span.line else len(source.rstrip())
        before, marked, after = (visible(part) for part in (source[:start], source[start:end], source[end:]))
        text = (before + marked + after).rstrip()
        columns = (self.columns or _SOURCE_COLUMNS) - digits - 4
        shown, column, length = window(text, len(before), len(before + marked), columns)
        underline = mark * max(length, 1)
        gutter = " " * (digits + 1) + self._paint(" |", _BLUE) + " "
        label = visible(span.label)
        room = (columns if self.columns else _UNLIMITED_PROSE) - column - len(underline) - 1
        if width(label) <= room:
            below = [gutter + " " * column + self._paint(f"{underline} {label}".rstrip(), color)]
        else:
            fits = width(label) <= columns
            indent = min(column, columns - width(label) if fits else columns // 2)
            lines = wrap(label, columns - indent, break_on_hyphens=False)
            below = [gutter + " " * column + self._paint(underline, color)]
            below += [gutter + " " * indent + self._paint(line, color) for line in lines]
        return shown, below, shown == text

    def _paragraph(self, title: str, text: str, color: str) -> Iterator[str]:
        first, *rest = self._prose(text, len(title) + 2, indent=len(title) + 2)
        yield f"{self._paint(title, color)}: {first}"
        yield from (" " * (len(title) + 2) + line for line in rest)

    def _prose(self, text: str, lead: int, indent: int) -> list[str]:
        """`text` wrapped to the terminal; its first line begins at column `lead`, the others at `indent`."""
        lines: list[str] = []
        for part in text.split("\n"):
            begin = lead if not lines else indent
            limit = self.columns or _UNLIMITED_PROSE
            initial = " " * (begin - indent) if begin > indent else ""
            wrapped = wrap(
                visible(part),
                limit - indent,
                initial_indent=initial,
                break_on_hyphens=False,
                break_long_words=False,
            )
            lines += [
                line.removeprefix(initial) if index == 0 else line for index, line in enumerate(wrapped)
            ]
        return lines or [""]

    def _paint(self, text: str, code: str) -> str:
        return f"{code}{text}{_RESET}" if self.color and text else text
