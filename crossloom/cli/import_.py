"""`crossloom import`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossloom.cli.options import FORCE, OUTPUT_FILE
from crossloom.cli.output import report, tell, write_result

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command("import", short_help="A spec of a checkpoint's config.json, as short as it can be.")
@click.argument("source", metavar="SOURCE")
@OUTPUT_FILE
@FORCE
@click.option(
    "--role",
    type=click.Choice(["encoder", "decoder"]),
    help="Take one half of the model, as a spec of its own.",
)
@click.option(
    "--ignore", multiple=True, metavar="FIELD", help="Leave a field of config.json out; repeatable."
)
@click.option("--decoder-start", type=int, metavar="ID", help="Id that decoding starts from.")
@click.option("--pad", type=int, metavar="ID", help="Id of padding.")
@click.option("--revision", metavar="NAME", help="Branch, tag or commit of a Hub repository.")
def command(
    source: str,
    output: Path | None,
    force: bool,
    role: str | None,
    ignore: tuple[str, ...],
    decoder_start: int | None,
    pad: int | None,
    revision: str | None,
) -> int:
    """Make a spec of a checkpoint: a folder, or a repository of the Hub.

    Fields that say nothing about the model are dropped, and counted by reason on standard error.

    \b
    $ crossloom import facebook/s2t-small-librispeech-asr -o s2t.yaml
    $ crossloom import ./checkpoint --ignore my_note
    $ crossloom import google-bert/bert-base-uncased --role decoder --decoder-start 101
    """
    from compiler.importing.checkpoint import import_with_report

    stated = {"decoder_start": decoder_start, "pad": pad}
    tokens = {name: id_ for name, id_ in stated.items() if id_ is not None}
    imported = import_with_report(source, role, ignore, tokens, revision=revision)
    if imported.findings:
        report(imported.findings)
    write_result(imported.spec.to_yaml(), output, is_spec=True, force=force)
    for line in _dropped(imported.dropped):
        tell(line)
    return 0


def _dropped(fields: Mapping[str, str]) -> list[str]:
    """One line a reason: how many fields it dropped, and which."""
    return [
        f"dropped {count} {'field' if count == 1 else 'fields'}: {reason} "
        f"({', '.join(sorted(name for name, why in fields.items() if why == reason))})"
        for reason, count in Counter(fields.values()).most_common()
    ]
