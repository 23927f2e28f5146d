"""`crossloom diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crossloom.cli.failures import FINDINGS
from crossloom.cli.options import format_option
from crossloom.cli.output import as_json, columns
from crossloom.cli.specs import in_use

if TYPE_CHECKING:
    from compiler.spec import Spec
    from specs.graph import Graph

    Checked = tuple[Spec, Graph]


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

    found = differences(*_both(left, right))
    if format == "json":
        document = {"left": left, "right": right, "differences": [one.to_dict() for one in found]}
        click.echo(as_json(document), nl=False)
    else:
        click.echo("\n".join(difference_lines(found, columns())) or "no difference")
    return FINDINGS if found else 0


def _both(left: str, right: str) -> tuple[Checked, Checked]:
    """Both specs, checked; the findings of one do not hide those of the other."""
    from compiler.diagnostics.model import CrossloomError, Diagnostic

    findings: list[Diagnostic] = []
    sound: list[Checked] = []
    for name in dict.fromkeys((left, right)):
        try:
            sound.append(in_use(name))
        except CrossloomError as error:
            findings += error.diagnostics
    if findings:
        raise CrossloomError(findings)
    return sound[0], sound[-1]
