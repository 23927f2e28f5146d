"""`crossloom export`."""

from __future__ import annotations

from pathlib import Path

import click

from crossloom.cli.dependencies import require
from crossloom.cli.options import SPEC, WEIGHTS, output_folder
from crossloom.cli.specs import by_role, checked


@click.command(short_help="Write a model as a folder that another library loads.")
@SPEC
@WEIGHTS
@output_folder(required=True, help="Folder to write to.")
@click.option("--to", type=click.Choice(["transformers"]), required=True, help="The library.")
def command(spec: str, weights: tuple[str, ...], output: Path, to: str) -> int:
    """Load a model and write it as a folder that `transformers` loads: config, weights, processor files.

    Tensors are bit-equal to the checkpoint's.

    \b
    $ crossloom export digits -o out --to transformers
    """
    require("`crossloom export`", "torch", "safetensors")
    from crossloom.api import export, load

    assert to == "transformers", "the one choice there is"
    sound, _ = checked(spec)
    model = load(sound, by_role(weights))
    for path in export(model, output, format="transformers"):
        click.echo(path)
    return 0
