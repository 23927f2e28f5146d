"""`crossloom run`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from compiler.installing import require
from crossloom.cli.dependencies import device_of
from crossloom.cli.failures import FINDINGS
from crossloom.cli.generation import GENERATION, generation_options
from crossloom.cli.options import DEVICE, PROCESSOR, SPEC, WEIGHTS, format_option
from crossloom.cli.output import as_json, report
from crossloom.cli.specs import by_role, in_use

if TYPE_CHECKING:
    from runtime.transcription import Transcript


@click.command(short_help="Recordings, images or texts to texts, a line each.")
@SPEC
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@WEIGHTS
@PROCESSOR
@GENERATION
@click.option("--src-lang", metavar="CODE", help="Language of source texts, where the model has several.")
@click.option(
    "--replace-unknown", is_flag=True, help="Read what the tokenizer has no token for as the unknown one."
)
@click.option("--tgt-lang", metavar="CODE", help="Language to write, where the model has several.")
@click.option("--mono", type=click.Choice(["mix", "first"]), help="What to do with several channels.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=8, show_default=True, help="Inputs at a time."
)
@DEVICE
@format_option("text", "json")
def command(
    spec: str,
    inputs: tuple[str, ...],
    weights: tuple[str, ...],
    processor: tuple[str, ...],
    options: tuple[str, ...],
    src_lang: str | None,
    replace_unknown: bool,
    tgt_lang: str | None,
    mono: str | None,
    batch_size: int,
    device: str | None,
    format: str,
) -> int:
    """Run a model on what its encoder takes: paths of recordings (WAV, FLAC and what else libsndfile
    reads), paths of images (PNG, JPEG and what else Pillow decodes by itself), or texts.

    One input prints its text, several print INPUT, a tab, TEXT in order; a newline or tab in an INPUT is
    printed as \\n or \\t, while --format json has every one as it is. An input that cannot be used is told on
    standard error, and the rest go on; the exit code is 1 then.

    \b
    $ crossloom run digits speech.wav
    $ crossloom run s2t.yaml recordings/*.wav -g num_beams=5 --format json
    $ crossloom run trocr.yaml line.png
    $ crossloom run bert2gpt2.yaml "a text" "and another"
    """
    require("`crossloom run`", "torch", "tqdm")
    chosen = generation_options(options)
    failed = 0
    transcripts = []
    reading = {
        "batch_size": batch_size,
        "mono": mono,
        "src_lang": src_lang,
        "replace_unknown": replace_unknown,
        "tgt_lang": tgt_lang,
    }
    for transcript in _transcripts(
        spec, inputs, by_role(weights), by_role(processor, "--processor"), device, reading, chosen
    ):
        if transcript.text is None:
            failed += 1
            report(transcript.findings)
        elif format == "text":
            line = " ".join(transcript.text.splitlines())
            click.echo(line if len(inputs) == 1 else f"{_in_one_line(transcript.source)}\t{line}")
        transcripts.append(transcript)
    if format == "json":
        click.echo(as_json([_as_data(one) for one in transcripts]), nl=False)
    return FINDINGS if failed else 0


def _transcripts(
    spec: str,
    inputs: tuple[str, ...],
    weights: Any,
    files: Any,
    device: str | None,
    reading: dict[str, Any],
    options: dict[str, Any],
) -> Iterator[Transcript]:
    from tqdm import tqdm

    from compiler.untrained import untrained
    from crossloom.api import load
    from runtime.flows import flow_of
    from runtime.processing.loading import files_of, processor_of
    from runtime.transcription import check_options, transcribe

    sound, graph = in_use(spec)
    flow_of(sound)
    check_options(sound, options)
    model = load(sound, weights, device=device_of(device))
    if findings := untrained(sound, graph, model.fresh):
        report(findings)
    processor = processor_of(sound, graph, files_of(files, model.sources))
    with tqdm(total=len(inputs), unit="input", delay=1, disable=not sys.stderr.isatty(), leave=False) as bar:
        for transcript in transcribe(model, processor, inputs, **reading, **options):
            bar.update()
            yield transcript


def _in_one_line(path: str) -> str:
    """An input that neither ends the line nor its column: control characters as Python writes them."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in path)


def _as_data(transcript: Transcript) -> dict[str, Any]:
    if transcript.text is not None:
        return {"input": transcript.source, "text": transcript.text}
    return {"input": transcript.source, "findings": [finding.to_dict() for finding in transcript.findings]}
