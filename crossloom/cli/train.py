"""`crossloom train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from compiler.installing import require
from crossloom.cli.dependencies import device_of
from crossloom.cli.failures import Terminated
from crossloom.cli.options import DEVICE, PROCESSOR, SPEC, WEIGHTS, Decorator, output_folder
from crossloom.cli.specs import by_role, in_use
from specs.counts import counted

_FILE = click.Path(dir_okay=False, path_type=Path)


def training_options() -> Decorator:
    """A flag for every field of `runtime.training.options.TrainingOptions`; left out, its default holds."""
    flags = [
        click.option("--epochs", type=int, metavar="N", help="Passes over the rows.  [1]"),
        click.option(
            "--max-steps", type=int, metavar="N", help="Updates of the weights, instead of --epochs."
        ),
        click.option("--batch-size", type=int, metavar="N", help="Rows in one forward pass.  [16]"),
        click.option(
            "--accumulation", type=int, metavar="N", help="Batches whose gradients make one update.  [1]"
        ),
        click.option(
            "--learning-rate", type=float, metavar="X", help="Highest rate, after the warm-up.  [1e-4]"
        ),
        click.option(
            "--warmup-steps", type=int, metavar="N", help="Updates over which the rate rises from zero.  [0]"
        ),
        click.option(
            "--schedule", metavar="NAME", help="How the rate falls: linear, inverse_sqrt, constant.  [linear]"
        ),
        click.option(
            "--weight-decay", type=float, metavar="X", help="AdamW's; not on biases and norms.  [0.01]"
        ),
        click.option("--beta1", type=float, metavar="X", help="AdamW's decay of the first moment.  [0.9]"),
        click.option("--beta2", type=float, metavar="X", help="AdamW's decay of the second moment.  [0.98]"),
        click.option("--clip-norm", type=float, metavar="X", help="Largest norm of the gradient.  [1.0]"),
        click.option(
            "--label-smoothing", type=float, metavar="X", help="Probability spread over all tokens.  [0]"
        ),
        click.option(
            "--precision", metavar="NAME", help="float32, or bfloat16 for matrix products.  [float32]"
        ),
        click.option(
            "--spec-augment", metavar="MAP", help="Masks over the features: '{bin_masks: 2}'.  [none]"
        ),
        click.option(
            "--freeze", multiple=True, metavar="ADDRESS", help="Parameters that stay; `*`; repeatable."
        ),
        click.option(
            "--cache-features/--no-cache-features", default=None, help="Keep features in memory.  [yes]"
        ),
        click.option("--seed", type=int, metavar="N", help="Orders the rows, draws dropout and masks.  [0]"),
        click.option("--source-language", metavar="CODE", help="Language of the sources."),
        click.option("--target-language", metavar="CODE", help="Language of the texts."),
        click.option(
            "--checkpoint-minutes", type=float, metavar="X", help="Minutes between checkpoints.  [10]"
        ),
        click.option(
            "--checkpoint-steps",
            type=int,
            metavar="N",
            help="Updates between checkpoints, instead of --checkpoint-minutes.",
        ),
        click.option("--keep-checkpoints", type=int, metavar="N", help="Newest checkpoints kept.  [2]"),
        click.option(
            "--valid-steps", type=int, metavar="N", help="Updates between validations.  [at the end]"
        ),
        click.option("--resume", is_flag=True, default=None, help="Go on from the newest checkpoint in -o."),
        click.option(
            "--force",
            is_flag=True,
            default=None,
            help="Let go of the model and the checkpoints of an earlier run in -o.",
        ),
        click.option("--progress/--no-progress", default=None, help="Progress bars.  [yes]"),
    ]

    def decorate(function: Any) -> Any:
        for flag in reversed(flags):
            function = flag(function)
        return function

    return decorate


@click.command(short_help="Fit a model to recordings, images or texts.")
@SPEC
@click.option(
    "--data",
    type=_FILE,
    required=True,
    metavar="FILE",
    help="JSON lines with `audio`, `image` or `source`, and `text`.",
)
@click.option("--valid", type=_FILE, metavar="FILE", help="Rows to count word errors on.")
@output_folder(required=True, help="Folder of the result and its checkpoints.")
@WEIGHTS
@click.option("--fresh", is_flag=True, help="Start from fresh parameters.")
@PROCESSOR
@DEVICE
@training_options()
def command(
    spec: str,
    data: Path,
    valid: Path | None,
    output: Path,
    weights: tuple[str, ...],
    fresh: bool,
    processor: tuple[str, ...],
    device: str | None,
    **options: Any,
) -> int:
    """Train on a manifest, one `{"audio": "path", "text": "words"}` a line, and write the model to a folder.
    For an encoder of images the first field is `image` and a path, for one of texts `source` and words.

    Training starts from the spec's weights, or those of --weights. Ctrl-C and SIGTERM stop it after the
    update it is at, and leave a checkpoint; a run that was stopped goes on with --resume and ends with the
    weights it would have had.

    A published model is written in the layout of the Hub. A pair or a free graph is written with a spec.yaml
    by which it is loaded: `crossloom run DIR/spec.yaml`.

    \b
    $ crossloom train digits --data train.jsonl --valid valid.jsonl -o build/mine --freeze 'encoder.*'
    $ crossloom train captions.yaml --data pictures.jsonl -o build/captions
    $ crossloom train tiny.yaml --fresh --processor ./tokenizer --data train.jsonl -o build/tiny
    """
    require("`crossloom train`", "torch", "tqdm", "safetensors")
    if valid is not None:
        require("--valid", "jiwer", extra="train")
    chosen = _chosen(options)
    from compiler.build import build
    from compiler.sources import sources_of
    from crossloom.api import load
    from runtime.processing.loading import files_of, processor_of
    from runtime.training import train
    from runtime.training.options import parse_options

    parse_options({**chosen, "output": output})
    sound, graph = in_use(spec)
    place = device_of(device)
    sources = sources_of(sound, by_role(weights))
    files = files_of(by_role(processor, "--processor"), sources)
    chosen["processor"] = processor_of(sound, graph, files)
    if fresh:
        model: Any = build(sound, graph, chosen.get("seed", 0), place)
    else:
        model = load(sound, sources, device=place)
    try:
        result = train(model, data, valid, output=output, **chosen)
    except (KeyboardInterrupt, Terminated):
        click.echo(_left_behind(output), err=True)
        raise
    click.echo(f"{counted(result.steps, 'update')}, loss {result.loss:.4f}, written to {output}")
    if result.evaluation is not None:
        click.echo(f"word error rate {result.evaluation.word_error_rate:.2%}")
    return 0


def _left_behind(output: Path) -> str:
    """How an interrupted run can go on."""
    from runtime.training.checkpoint import checkpoint_folders

    written = checkpoint_folders(output / "checkpoints")
    if not written:
        return "no update was finished; the same command starts anew"
    return f"{written[-1]} is whole; the same command with --resume goes on from it"


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as `train` takes them."""
    chosen = {name: value for name, value in options.items() if value not in (None, ())}
    chosen.setdefault("progress", sys.stderr.isatty())
    if "freeze" in chosen:
        chosen["freeze"] = list(chosen["freeze"])
    if "spec_augment" in chosen:
        from compiler.reader import read_text

        document = read_text(chosen["spec_augment"], "--spec-augment")
        if document.diagnostics or not isinstance(document.data, dict):
            raise click.UsageError("--spec-augment takes a map, such as '{bin_masks: 2, bin_width: 12}'")
        chosen["spec_augment"] = document.data
    return chosen
