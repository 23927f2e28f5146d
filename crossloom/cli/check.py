"""`crossloom check`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from crossloom.cli.failures import exit_code, strictly
from crossloom.cli.options import format_option
from crossloom.cli.output import rendered
from crossloom.cli.specs import STDIN, analysed, spec_files
from specs.counts import counted

if TYPE_CHECKING:
    from compiler.diagnostics.model import Diagnostic

_ROUNDS = 10
"""Of fixing and checking again: a fix may uncover the next finding."""


@click.command(short_help="Every finding of specs, with places and repairs.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@format_option("text", "json", "github", "sarif")
@click.option("--fix", is_flag=True, help="Apply the repairs that are safe, and check again.")
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
def command(paths: tuple[str, ...], format: str, fix: bool, strict: bool) -> int:
    """Check specs: files, folders (the .yaml and .yml files in them and below), catalogue names, or `-`.

    Neither `weights:` nor the network is touched. All findings are printed, in order.

    \b
    $ crossloom check combo.yaml
    $ crossloom check specs/ --format sarif > findings.sarif
    $ cat combo.yaml | crossloom check -
    """
    from compiler.diagnostics.model import CrossloomError

    findings: list[Diagnostic] = []
    count = repaired = 0
    try:
        for name in spec_files(paths):
            count += 1
            if fix:
                found, changed = _fixed(name)
                repaired += changed
            else:
                found = _findings(name)
            findings += found
    except CrossloomError as error:  # a folder that cannot be read through
        findings += error.diagnostics
    if strict:
        findings = strictly(findings)
    text = rendered(findings, format, sys.stdout)
    if format == "text":
        text = _with_summary(text, findings, count, repaired)
    click.echo(text, nl=False)
    return exit_code(findings)


def _findings(name: str) -> list[Diagnostic]:
    from compiler.diagnostics.model import CrossloomError

    try:
        return analysed(name).diagnostics
    except CrossloomError as error:
        return error.diagnostics


def _fixed(name: str) -> tuple[list[Diagnostic], bool]:
    """What is left after the repairs, and whether there were any."""
    from compiler.catalogue import folder, locate
    from compiler.diagnostics import apply_fixes
    from compiler.writing.files import replace_text

    file = locate(name, None)
    if name == STDIN or (file is not None and not file.is_file()):
        raise click.UsageError(f"--fix writes files, and `{name}` is none")
    changed = False
    for _ in range(_ROUNDS):
        findings = _findings(name)
        if file is None or not any(finding.fix for finding in findings) or file.parent == folder():
            return findings, changed
        before = file.read_bytes().decode("utf-8", "surrogateescape")
        after = apply_fixes(before, findings, str(file))
        if after == before:
            return findings, changed
        replace_text(file.resolve(), after)
        changed = True
    return _findings(name), changed


def _with_summary(text: str, findings: list[Diagnostic], count: int, repaired: int) -> str:
    """The rendering with a last line that also counts the specs."""
    from compiler.diagnostics import summary

    found = summary(findings)
    fixed = f", {repaired} repaired" if repaired else ""
    return text.removesuffix(f"{found}\n") + f"{counted(count, 'spec')} checked{fixed}: {found}\n"
