"""`crossloom catalogue`."""

from __future__ import annotations

from typing import Any

import click

from crossloom.cli.options import format_option
from crossloom.cli.output import as_json


@click.command(short_help="The specs that come with crossloom.")
@format_option("text", "json")
def command(format: str) -> int:
    """List the specs that come with crossloom: use a name wherever a SPEC is asked for, or in `extends:`.

    \b
    $ crossloom catalogue
    $ crossloom show digits
    """
    from compiler.catalogue import names
    from compiler.reports.tables import aligned

    entries = [_entry(name) for name in names()]
    if format == "json":
        click.echo(as_json(entries), nl=False)
        return 0
    rows = [(entry["name"], entry["family"], entry["description"]) for entry in entries]
    click.echo("\n".join(aligned([("name", "family", "description"), *rows])))
    return 0


def _entry(name: str) -> dict[str, Any]:
    from compiler.analysis import analyse
    from compiler.reports.facts import facts_of

    spec, graph = analyse(name).sound()
    facts = facts_of(spec, graph)
    flow = next((c.family.flow for c in spec.components.values() if c.family.flow), None)
    parts = [flow.name if flow else spec.kind, f"{facts.parameters / 1e6:.1f} M parameters"]
    sources = [c.weights for c in spec.components.values() if c.weights]
    parts += [f"weights of {source}" for source in sources if not source.startswith((".", "/", "~"))]
    return {
        "name": name,
        "family": " + ".join(c.family_name for c in spec.components.values()) or spec.kind,
        "parameters": facts.parameters,
        "description": ", ".join(parts),
    }
