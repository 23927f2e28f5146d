"""`crossloom schema`."""

from __future__ import annotations

from pathlib import Path

import click

from crossloom.cli.options import FORCE, OUTPUT_FILE
from crossloom.cli.output import write_result


@click.command(short_help="The JSON Schema of specs, for editors.")
@OUTPUT_FILE
@FORCE
def command(output: Path | None, force: bool) -> int:
    """Print the JSON Schema of the language, the fields of every family and block included.

    An editor that knows YAML schemas completes and explains keys with it; `check` sees more.

    \b
    $ crossloom schema -o crossloom.schema.json
    """
    from compiler.reports.schema import schema_text

    write_result(schema_text(), output, force=force)
    return 0
