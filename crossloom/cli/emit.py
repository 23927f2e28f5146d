"""`crossloom emit`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossloom.cli.failures import exit_code
from crossloom.cli.options import SPEC, output_folder
from crossloom.cli.output import rendered
from crossloom.cli.specs import checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compiler.diagnostics.model import Diagnostic


@click.command(short_help="Write the PyTorch source, the weight table, the resolved spec and a README.")
@SPEC
@output_folder(required=False, help="Folder to write to; by default one named as the spec.")
@click.option("--check", "compare", is_flag=True, help="Write nothing; exit with 1 if the files differ.")
def command(spec: str, output: Path | None, compare: bool) -> int:
    """Write modeling.py, weights.json, spec.yaml and README.md.

    The same spec always gives the same bytes. modeling.py needs torch and nothing else.

    \b
    $ crossloom emit digits -o generated/digits
    $ crossloom emit digits -o generated/digits --check
    """
    from compiler.emission.folder import emit_folder, render_folder

    sound, graph = checked(spec)
    folder = output or Path(sound.name)
    if not compare:
        for path in emit_folder(sound, graph, folder):
            click.echo(path)
        return 0
    findings = _drift(render_folder(sound, graph), folder)
    if findings:
        click.echo(rendered(findings, "text", sys.stdout), nl=False)
    else:
        click.echo(f"{folder} is what {spec} says")
    return exit_code(findings)


def _drift(wanted: Mapping[str, str], folder: Path) -> list[Diagnostic]:
    """XL601 for every file that is not as it should be."""
    from compiler.reports.drift import drift

    return drift(wanted, folder)
