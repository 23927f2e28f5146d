"""`crossloom export`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from compiler.installing import require
from crossloom.cli.options import FORCE, SPEC, WEIGHTS, output_folder
from crossloom.cli.specs import by_role, in_use


@click.command(short_help="Write a model as a folder that another library loads.")
@SPEC
@WEIGHTS
@output_folder(required=True, help="Folder to write to.")
@click.option(
    "--to",
    type=click.Choice(["transformers", "crossloom"]),
    required=True,
    help="The library; a published model goes to transformers, any other to crossloom.",
)
@FORCE
def command(
    spec: str,
    weights: tuple[str, ...],
    output: Path,
    to: Literal["transformers", "crossloom"],
    force: bool,
) -> int:
    """Load a model and write it as a folder that a library loads: config or spec, weights, processor files.

    Tensors are bit-equal to the checkpoint's. A pair goes to transformers where one of its classes of
    pairs computes the same. What no published class computes (a free graph, a bridge of one's own) goes to
    crossloom itself, which loads it by the spec.yaml in the folder.

    \b
    $ crossloom export digits -o out --to transformers
    """
    require("`crossloom export`", "torch", "safetensors")
    from compiler.exporting.export import require_layout
    from crossloom.api import export, load

    sound, _ = in_use(spec)
    require_layout(sound, to)
    for path in export(load(sound, by_role(weights)), output, to, force):
        click.echo(path)
    return 0
