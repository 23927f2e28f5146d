"""`crossloom explain`."""

from __future__ import annotations

import click

from crossloom.cli.output import columns


@click.command(short_help="What a diagnostic code means, with examples.")
@click.argument("code", required=False, metavar="[CODE]")
def command(code: str | None) -> int:
    """Print the page on a diagnostic code; without one, list all codes.

    \b
    $ crossloom explain XL301
    """
    from compiler.diagnostics.explain import codes, explain, fitted, title
    from compiler.diagnostics.model import CrossloomError

    if code is None:
        click.echo("\n".join(f"{name}  {title(name)}" for name in codes()))
        return 0
    try:
        click.echo(fitted(explain(code), columns()), nl=False)
    except CrossloomError as error:
        finding = error.diagnostics[0]
        raise click.UsageError(f"{finding.message}; {finding.help}") from None
    return 0
