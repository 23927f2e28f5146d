"""Options of `generate` as a user types them: `-g num_beams=5`."""

from __future__ import annotations

from typing import Any

import click

GENERATION = click.option(
    "-g",
    "--generate",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of `generate`, such as num_beams=5 or early_stopping=never; repeatable.",
)


def generation_options(written: tuple[str, ...]) -> dict[str, Any]:
    """The options by name; values are read as in a spec file: numbers, true and false, lists, text."""
    from compiler.reader import read_text

    options: dict[str, Any] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"-g takes KEY=VALUE, not {text!r}")
        if name in options:
            raise click.UsageError(f"-g {name} is given twice")
        document = read_text(value, f"-g {name}")
        if document.diagnostics:
            raise click.UsageError(f"-g {text}: {document.diagnostics[0].message}")
        options[name] = document.data
    return options
