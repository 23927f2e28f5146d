"""`crossloom emit`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crossloom.cli.failures import exit_code
from crossloom.cli.options import FORCE, SPEC, output_folder
from crossloom.cli.output import rendered
from crossloom.cli.specs import checked


@click.command(short_help="Write the PyTorch source and the weight table, to review.")
@SPEC
@output_folder(required=False, help="Folder to write to; by default one named as the spec.")
@FORCE
@click.option("--check", "compare", is_flag=True, help="Write nothing; exit with 1 if the files differ.")
def command(spec: str, output: Path | None, force: bool, compare: bool) -> int:
    """Write modeling.py, weights.json, spec.yaml and README.md.

    The same spec always gives the same bytes; only a relative folder under `weights:` is rewritten, so that
    it is right from the folder written to. modeling.py needs torch and nothing else.

    \b
    $ crossloom emit digits -o generated/digits
    $ crossloom emit digits -o generated/digits --check
    """
    from compiler.emission.folder import emit_folder, render_folder
    from compiler.reports.drift import drift

    sound, graph = checked(spec)
    folder = output or Path(sound.name)
    if not compare:
        for path in emit_folder(sound, graph, folder, force):
            click.echo(path)
        return 0
    findings = drift(render_folder(sound, graph, folder), folder)
    if findings:
        click.echo(rendered(findings, "text", sys.stdout), nl=False)
    else:
        click.echo(f"{folder} is what {spec} says")
    return exit_code(findings)
