"""`crossloom diff`."""

from __future__ import annotations

import click

from crossloom.cli.failures import FINDINGS
from crossloom.cli.options import format_option
from crossloom.cli.output import as_json
from crossloom.cli.specs import checked


@click.command(short_help="What differs between two specs, by address.")
@click.argument("left", metavar="SPEC")
@click.argument("right", metavar="SPEC")
@format_option("text", "json")
def command(left: str, right: str, format: str) -> int:
    """Compare what two specs mean: fields with their defaults, nodes, parameters, tokens.

    Exits with 1 where there is a difference; how a spec is written makes none.

    \b
    $ crossloom diff s2t-small-librispeech-asr s2t-medium-librispeech-asr
    """
    from compiler.reports.differences import difference_lines, differences

    found = differences(checked(left), checked(right))
    if format == "json":
        document = {"left": left, "right": right, "differences": [one.to_dict() for one in found]}
        click.echo(as_json(document), nl=False)
    else:
        click.echo("\n".join(difference_lines(found)) or "no difference")
    return FINDINGS if found else 0
