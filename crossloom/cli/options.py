"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

SPEC = click.argument("spec", metavar="SPEC")
OUTPUT_FILE = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to a file instead of standard output.",
)
FORCE = click.option(
    "--force", is_flag=True, help="Write over a spec, and over files that crossloom did not emit."
)
WEIGHTS = click.option(
    "--weights",
    multiple=True,
    metavar="SOURCE",
    help="Checkpoint to take instead of the spec's own; a pair takes encoder=SOURCE and "
    "decoder=SOURCE, or one that `train` wrote.",
)
PROCESSOR = click.option(
    "--processor",
    multiple=True,
    metavar="SOURCE",
    help="Where the tokenizer's files are, if not with the weights; of two tokenizers encoder=SOURCE and "
    "decoder=SOURCE.",
)
DTYPE = click.option(
    "--dtype",
    metavar="NAME",
    help="What to compute in: float32, bfloat16, ..., or by side, as in encoder=bfloat16,decoder=int8. The "
    "error that int8 weights make is told on standard error.",
)
COMPILE = click.option(
    "--compile",
    "mode",
    type=click.Choice(["fast", "max"]),
    help="Compile the model: quickly, or as far as this machine goes, which takes a minute or so for an "
    "encoder and for each number of sentences and beams, once.",
)
DEVICE = click.option("--device", metavar="NAME", help="Where to compute: cpu, cuda, cuda:1, ...")


def output_folder(required: bool, help: str) -> Decorator:
    """`-o DIR`."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        required=required,
        help=help,
    )


def format_option(*choices: str) -> Decorator:
    """`--format`, the first choice by default."""
    return click.option(
        "--format",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="How to print the result.",
    )
