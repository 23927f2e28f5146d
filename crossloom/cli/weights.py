"""`crossloom weights`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from crossloom.cli.failures import exit_code
from crossloom.cli.options import SPEC, format_option
from crossloom.cli.output import as_json, columns, rendered
from crossloom.cli.specs import by_role, in_use

if TYPE_CHECKING:
    from compiler.spec import Spec
    from compiler.verifying.checkpoint import Verified
    from compiler.weights.table import WeightTable
    from specs.graph import Graph

_OWN = ""
"""`--verify` without a source: the checkpoint that the spec names."""


@click.command(short_help="Where every parameter comes from; a checkpoint against it.")
@SPEC
@click.option(
    "--verify",
    multiple=True,
    is_flag=False,
    flag_value=_OWN,
    metavar="[SOURCE]",
    help="Check a checkpoint against the table, by its headers and config.json alone; without a source, the "
    "spec's own. A pair takes encoder=SOURCE and decoder=SOURCE.",
)
@format_option("text", "json", "markdown")
def command(spec: str, verify: tuple[str, ...], format: str) -> int:
    """Print the weight table: for every parameter its shape, and the stored tensor it is made from.

    \b
    $ crossloom weights s2t-small-librispeech-asr
    $ crossloom weights s2t.yaml --verify ./checkpoint
    """
    from compiler.reports.weights import table_lines, verified_facts, verified_lines
    from compiler.weights.table import table_of

    sound, graph = in_use(spec)
    if verify:
        table, verified = _verified(sound, graph, verify)
    else:
        table, verified = table_of(sound, graph), []
    findings = [finding for one in verified for finding in one.diagnostics]
    if format == "json":
        document = table.to_dict()
        if verify:
            document["verified"] = [verified_facts(one) for one in verified]
            document["diagnostics"] = [finding.to_dict() for finding in findings]
        click.echo(as_json(document), nl=False)
        return exit_code(findings)
    lines = table_lines(table, format, columns())
    if format == "text":
        lines += _unfed(sound, table)
    if verify:
        lines = [line for one in verified for line in verified_lines(one)]
    click.echo("\n".join(lines))
    if findings:
        click.echo("\n" + rendered(findings, "text", sys.stdout), nl=False)
    elif verify:
        click.echo("every parameter is fed exactly once, and every stored tensor is accounted for")
    return exit_code(findings)


def _unfed(spec: Spec, table: WeightTable) -> list[str]:
    """What `loaded` means where the spec names no checkpoint to load from."""
    from compiler.reports.tables import filled

    awaiting = dict.fromkeys(row.component for row in table if row.status == "loaded")
    unfed = [role for role in awaiting if role not in spec.parts or not spec.parts[role].weights]
    if not unfed:
        return []
    whose = f" for its {unfed[0]}" if len(spec.parts) > len(unfed) else ""
    return filled(f"the spec names no checkpoint{whose}: `loaded` is what one would give", columns())


def _verified(spec: Spec, graph: Graph, written: tuple[str, ...]) -> tuple[WeightTable, list[Verified]]:
    from compiler.sources import sources_of, verify_sources

    given = None if written == (_OWN,) else by_role(written)
    return verify_sources(spec, graph, sources_of(spec, given))
