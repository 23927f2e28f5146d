"""From what a user types as SPEC, PATH or SOURCE to what the compiler takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossloom.cli.failures import strictly
from crossloom.cli.output import remember, report

if TYPE_CHECKING:
    from compiler.analysis import Analysis, Trace
    from compiler.spec import Spec
    from specs.graph import Graph

STDIN = "-"
_STDIN_NAME = "<stdin>"


def analysed(name: str, trace: Trace | None = None) -> Analysis:
    """Run every pass on a file, a catalogue name, or standard input.

    What is not there is among the findings of the analysis.
    """
    from compiler.collector import collector_paused

    with collector_paused():  # what is imported and what is checked both stay
        from compiler.analysis import analyse

        if name == STDIN:
            from compiler.reader import read_bytes

            analysis = analyse(read_bytes(sys.stdin.buffer.read(), _STDIN_NAME), trace)
        else:
            analysis = analyse(name, trace)
    document = analysis.document
    if not Path(document.file).is_file():  # standard input, or another pipe
        remember(document.file, document.text)
    return analysis


def in_use(name: str) -> tuple[Spec, Graph]:
    """`checked` for commands that only use a spec: what the compiler decided was told when it was written."""
    return checked(name, decisions=False)


def checked(
    name: str, trace: Trace | None = None, strict: bool = False, decisions: bool = True
) -> tuple[Spec, Graph]:
    """Spec and graph of a spec without errors; warnings are told, or are errors if `strict`.

    So are the compiler's `decisions`, unless they are not asked for.

    Raises:
        CrossloomError: every finding, where one is an error.
    """
    analysis = analysed(name, trace)
    if strict:
        analysis = analysis._replace(diagnostics=strictly(analysis.diagnostics))
    sound = analysis.sound()
    told = [finding for finding in analysis.diagnostics if decisions or finding.severity != "info"]
    if told:
        report(told)
    return sound


def spec_files(paths: Iterable[str]) -> Iterator[str]:
    """Every spec that paths mean: a folder means the YAML files in it and below, hidden ones left out.

    Raises:
        CrossloomError: XL117 for a folder that holds none.
    """
    from compiler.catalogue import SUFFIXES

    for written in paths:
        folder = Path(os.path.expanduser(written))
        if written == STDIN or not folder.is_dir():
            yield written
            continue
        found = [
            file
            for file in sorted(folder.rglob("*"))
            if file.suffix in SUFFIXES
            and file.is_file()
            and not any(step.startswith(".") for step in file.relative_to(folder).parts)
        ]
        if not found:
            raise _failure(f"the folder `{written}` holds no .yaml or .yml file", "name a folder of specs")
        yield from map(str, found)


def by_role(written: tuple[str, ...], option: str = "--weights") -> str | Mapping[str, str] | None:
    """The sources of an option: one for the model, or `encoder=...` and `decoder=...`."""
    if not written:
        return None
    pairs = [text.partition("=") for text in written]
    if all(role in ("encoder", "decoder", "model") and equals for role, equals, _ in pairs):
        return {role: source for role, _, source in pairs}
    if len(written) > 1:
        raise click.UsageError(
            f"{option} is given twice; a pair takes {option} encoder=... {option} decoder=..."
        )
    return written[0]


def _failure(message: str, help: str) -> Exception:
    from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

    return CrossloomError([Diagnostic("XL117", Severity.ERROR, message, help=help)])
