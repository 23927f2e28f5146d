"""`crossloom show`."""

from __future__ import annotations

from pathlib import Path

import click

from crossloom.cli.options import FORCE, OUTPUT_FILE, SPEC, format_option
from crossloom.cli.output import columns, write_result
from crossloom.cli.specs import checked


@click.command(short_help="A picture of a model: nodes, shapes, parameters, operations.")
@SPEC
@format_option("text", "mermaid", "svg", "html", "json")
@OUTPUT_FILE
@FORCE
def command(spec: str, format: str, output: Path | None, force: bool) -> int:
    """Draw the graph of a spec: its nodes on both sides of the model, and the shapes that flow between them.

    \b
    $ crossloom show digits
    $ crossloom show s2t.yaml --format html -o s2t.html
    """
    sound, graph = checked(spec)
    from compiler.reports.pictures import picture

    width = columns() if output is None else None
    write_result(picture(sound, graph, format, width), output, force=force)
    return 0
