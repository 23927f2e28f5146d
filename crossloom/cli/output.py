"""Writing results and findings, to a terminal, a pipe or a file."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from compiler.diagnostics.model import Diagnostic

_TEXTS = "crossloom.cli.texts"


def program() -> str:
    """How a user calls this command again: by its name where the shell finds it, else by its path."""
    name = click.get_current_context().find_root().info_name or "crossloom"
    path = Path(sys.argv[0])
    if path.name != name or not path.is_file():
        return name  # `python -m crossloom`
    found = which(name)
    return name if found and path.samefile(found) else str(path)


def remember(file: str, text: str) -> None:
    """Keep the text of something that is no file (standard input), so that findings can show its lines."""
    click.get_current_context().meta.setdefault(_TEXTS, {})[file] = text


def columns() -> int | None:
    """The width to print results in; None where nothing says it."""
    from compiler.diagnostics import terminal_settings

    return terminal_settings(sys.stdout)["width"]


def rendered(findings: Sequence[Diagnostic], format: str, stream: TextIO) -> str:
    """The findings as `stream` can show them."""
    from compiler.diagnostics import render, terminal_settings

    texts = click.get_current_context().meta.get(_TEXTS)
    return render(findings, format, texts, **terminal_settings(stream))


def report(findings: Sequence[Diagnostic]) -> None:
    """Print findings on standard error."""
    click.echo(rendered(findings, "text", sys.stderr), err=True, nl=False)


def tell(text: str) -> None:
    """Print a remark on standard error, wrapped to its width."""
    from compiler.diagnostics import terminal_settings
    from compiler.reports.tables import filled

    click.echo("\n".join(filled(text, terminal_settings(sys.stderr)["width"])), err=True)


@contextmanager
def warnings_reported() -> Iterator[None]:
    """Within the block, a warning of the Python interface is told as the finding that it is."""
    usual = warnings.showwarning

    def show(message: Warning | str, *place: Any, **more: Any) -> None:
        finding = getattr(message, "diagnostic", None)
        if finding is None:
            usual(message, *place, **more)
        else:
            report([finding])

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual


def write_result(text: str, file: Path | None, is_spec: bool = False, force: bool = False) -> None:
    """Write a command's result to a file, in one step, or to standard output.

    A report takes the place of an older one; a spec is a person's work, and is written over with `force`
    alone.
    """
    if file is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    from compiler.catalogue import SUFFIXES
    from compiler.writing.files import replace_text
    from compiler.writing.overwriting import refuse_overwriting

    text = text if text.endswith("\n") else f"{text}\n"
    if not force and (is_spec or file.suffix in SUFFIXES):
        refuse_overwriting({file: text})
    replace_text(file, text)
    click.echo(f"wrote {file}", err=True)


def as_json(document: Any) -> str:
    """One JSON document, as all commands print it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
