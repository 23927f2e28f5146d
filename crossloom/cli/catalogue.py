"""`crossloom catalogue`."""

from __future__ import annotations

import os
from typing import Any

import click

from crossloom.cli.options import format_option
from crossloom.cli.output import as_json, columns


@click.command(short_help="The specs that come with crossloom.")
@format_option("text", "json")
def command(format: str) -> int:
    """List the specs that come with crossloom: use a name wherever a SPEC is asked for, or in `extends:`.

    \b
    $ crossloom catalogue
    $ crossloom show digits
    """
    from compiler.catalogue import names
    from compiler.reports.tables import aligned, narrowed

    entries = [_entry(name) for name in names()]
    if format == "json":
        click.echo(as_json(entries), nl=False)
        return 0
    rows = [_row(entry) for entry in entries]
    heading = ("name", "family", "task", "parameters", "weights")
    table = narrowed([heading, *rows], columns())
    click.echo("\n".join(aligned(table, right=(3,))))
    if left_out := heading[len(table[0]) :]:
        click.echo(f"not shown in {columns()} columns: {', '.join(left_out)}")
    return 0


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    from compiler.checkpoint.resolve import is_folder

    size = f"{entry['parameters'] / 1e6:.1f} M"
    sources = ["included" if is_folder(source) else source for source in entry["weights"]]
    return entry["name"], entry["family"], entry["task"], size, ", ".join(sources)


def _entry(name: str) -> dict[str, Any]:
    from compiler.analysis import analyse
    from compiler.checkpoint.resolve import is_folder
    from compiler.reports.facts import facts_of

    spec, graph = analyse(name).sound()
    facts = facts_of(spec, graph)
    sources = [
        os.path.normpath(part.base / part.weights) if is_folder(part.weights) else part.weights
        for part in spec.checkpoints.values()
        if part.weights
    ]
    return {
        "name": name,
        "family": " + ".join(part.label for part in spec.parts.values()),
        "task": spec.flow.name if spec.flow else spec.kind,
        "parameters": facts.parameters,
        "weights": sources,
    }
