"""`crossloom new`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from crossloom.cli.failures import exit_code
from crossloom.cli.options import FORCE
from crossloom.cli.output import report, tell, write_result


@click.command("new", short_help="A spec of a new combination of an encoder and a decoder.")
@click.argument("output", metavar="OUT.yaml", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--encoder", required=True, metavar="SOURCE", help="A family, a folder or a repository.")
@click.option("--decoder", required=True, metavar="SOURCE", help="A family, a folder or a repository.")
@click.option("--decoder-start", type=int, metavar="ID", help="Id that decoding starts from.")
@click.option("--pad", type=int, metavar="ID", help="Id of padding.")
@FORCE
def command(
    output: Path, encoder: str, decoder: str, decoder_start: int | None, pad: int | None, force: bool
) -> int:
    """Write a spec of an encoder and a decoder that were not trained together.

    What starts untrained is named under `fresh:`, ids under `tokens:`, both from the checkpoints' own files.
    An id that these do not tell is left as a line to fill in, and the exit code is 1.

    \b
    $ crossloom new combo.yaml --encoder facebook/wav2vec2-base-960h --decoder openai-community/gpt2
    $ crossloom new tiny.yaml --encoder vit --decoder ./my-bert --decoder-start 101
    """
    from compiler.importing.combination import paired

    stated = {"decoder_start": decoder_start, "pad": pad}
    tokens = {name: id_ for name, id_ in stated.items() if id_ is not None}
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", output.stem).strip("-._")[:128] or "new"
    made = paired(name, {"encoder": encoder, "decoder": decoder}, tokens, str(output))
    write_result(made.text, output, is_spec=True, force=force)
    if made.analysis.diagnostics:
        report(made.analysis.diagnostics)
    for one in made.missing:
        tell(f"set `tokens.{one}` in {output}, or give `--{one.replace('_', '-')} ID`")
    return exit_code(made.analysis.diagnostics)
