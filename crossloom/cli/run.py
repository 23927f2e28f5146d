"""`crossloom run`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click

from compiler.installing import require
from crossloom.cli.dependencies import device_of, dtypes_of
from crossloom.cli.failures import FINDINGS
from crossloom.cli.generation import GENERATION, generation_options
from crossloom.cli.options import COMPILE, DEVICE, DTYPE, PROCESSOR, SPEC, WEIGHTS, format_option
from crossloom.cli.output import as_json, report
from crossloom.cli.specs import by_role, in_use
from crossloom.cli.speech import SpeechFiles

if TYPE_CHECKING:
    from compiler.spec import Spec
    from runtime.transcription import Transcript


@click.command(short_help="Recordings, images or texts to texts, a line each, and to speech.")
@SPEC
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@WEIGHTS
@PROCESSOR
@GENERATION
@click.option(
    "--to",
    "--tgt-lang",
    "tgt_lang",
    metavar="CODE",
    help="Language to write, and to speak, where the model has several: that of a recording itself gives its "
    "transcript.",
)
@click.option(
    "--from",
    "--src-lang",
    "src_lang",
    metavar="CODE",
    help="Language of source texts, where the model has several; by default the tokenizer's own.",
)
@click.option(
    "--speech",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Speak what is written: into this WAV file, or of several inputs into a folder, a file each.",
)
@click.option("--speaker", type=int, metavar="N", help="Voice that speaks; 0 without this.")
@click.option("--force", is_flag=True, help="Write over speech that is there already.")
@click.option(
    "--as",
    "given_as",
    type=click.Choice(["audio", "text"]),
    help="What every INPUT is, where the model takes both.",
)
@click.option(
    "--replace-unknown", is_flag=True, help="Read what the tokenizer has no token for as the unknown one."
)
@click.option("--mono", type=click.Choice(["mix", "first"]), help="What to do with several channels.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=8, show_default=True, help="Inputs at a time."
)
@DEVICE
@DTYPE
@COMPILE
@format_option("text", "json")
def command(
    spec: str,
    inputs: tuple[str, ...],
    weights: tuple[str, ...],
    processor: tuple[str, ...],
    options: tuple[str, ...],
    tgt_lang: str | None,
    src_lang: str | None,
    speech: Path | None,
    speaker: int | None,
    force: bool,
    given_as: str | None,
    replace_unknown: bool,
    mono: str | None,
    batch_size: int,
    device: str | None,
    dtype: str | None,
    mode: str | None,
    format: str,
) -> int:
    """Run a model on what its encoder takes: paths of recordings (WAV, FLAC and what else libsndfile
    reads), paths of images (PNG, JPEG and what else Pillow decodes by itself), or texts. Where a model takes
    recordings and texts, an INPUT that is a file is a recording, and any other a text; one that looks like a
    path and is none is an error, and never translated.

    One input prints its text, several print INPUT, a tab, TEXT in order; a newline or tab in an INPUT is
    printed as \\n or \\t, while --format json has every one as it is. An input that cannot be used is told on
    standard error, and the rest go on; the exit code is 1 then.

    \b
    $ crossloom run digits speech.wav
    $ crossloom run s2t.yaml recordings/*.wav -g num_beams=5 --format json
    $ crossloom run s2t.yaml recordings/*.wav --compile max
    $ crossloom run trocr.yaml line.png
    $ crossloom run bert2gpt2.yaml "a text" "and another"
    $ crossloom run m4t.yaml talk.wav --to fra --speech talk.fra.wav
    """
    require("`crossloom run`", "torch", "tqdm")
    chosen = generation_options(options)
    if speech is None and (speaker is not None or force):
        raise click.UsageError(f"{'--force' if speaker is None else '--speaker'} is about --speech PATH")
    if speech is not None:
        require("`crossloom run --speech`", "soundfile", extra="audio")
    files = None if speech is None else SpeechFiles(speech, inputs, force)
    failed = 0
    told = []
    reading = {
        "batch_size": batch_size,
        "mono": mono,
        "src_lang": src_lang,
        "replace_unknown": replace_unknown,
        "tgt_lang": tgt_lang,
        "speech": speech is not None,
        "speaker": speaker or 0,
        "given_as": given_as,
    }
    placement = {"device": device_of(device), "dtype": dtypes_of(dtype), "compile": mode or False}
    for transcript in _transcripts(
        spec, inputs, by_role(weights), by_role(processor, "--processor"), placement, reading, chosen
    ):
        if transcript.findings:
            report(transcript.findings)
        if transcript.text is None:
            failed += 1
        elif format == "text":
            line = " ".join(transcript.text.splitlines())
            click.echo(line if len(inputs) == 1 else f"{_in_one_line(transcript.source)}\t{line}")
        spoken = {} if files is None else files.write(transcript)
        told.append({**_as_data(transcript), **spoken})
    if format == "json":
        click.echo(as_json(told), nl=False)
    return FINDINGS if failed else 0


def _transcripts(
    spec: str,
    inputs: tuple[str, ...],
    weights: Any,
    files: Any,
    placement: dict[str, Any],
    reading: dict[str, Any],
    options: dict[str, Any],
) -> Iterator[Transcript]:
    from tqdm import tqdm

    from compiler.untrained import untrained
    from crossloom.api import load
    from runtime.processing.loading import files_of, processor_of
    from runtime.transcription import transcribe

    sound, graph = in_use(spec)
    sources = _checked_sources(sound, inputs, weights, reading, options)
    model = load(sound, sources, **placement)
    if (quantised := getattr(model, "quantization", None)) is not None:
        click.echo(quantised, err=True)
    if findings := untrained(sound, graph, model.fresh):
        report(findings)
    processor = processor_of(sound, graph, files_of(files, model.sources))
    with tqdm(total=len(inputs), unit="input", delay=1, disable=not sys.stderr.isatty(), leave=False) as bar:
        for transcript in transcribe(model, processor, inputs, **reading, **options):
            bar.update()
            yield transcript


def _checked_sources(
    spec: Spec, inputs: tuple[str, ...], weights: Any, reading: Mapping[str, Any], options: Mapping[str, Any]
) -> Any:
    """The checkpoints, opened, once what is asked of them is found to be possible: weights may be many."""
    from compiler.configuration.tables import read_tables, tables_stated
    from compiler.sources import sources_of
    from runtime.flows import check_options, check_requests, flows_by_input
    from runtime.reading import kinds_of

    flows = flows_by_input(spec, "speech" if reading["speech"] else "text")
    kinds = kinds_of(inputs, flows, reading["given_as"])
    check_options(spec, options)
    if weights is None and not spec.checkpoints:
        return None
    sources = sources_of(spec, weights)
    if "model" in sources:
        found = read_tables(sources["model"], tables_stated(spec))
        unloaded = SimpleNamespace(tables=found, sources=sources)
        requests = {"language": reading["tgt_lang"], "speaker": reading["speaker"]}
        for kind in dict.fromkeys(kinds):
            check_requests(flows[kind], unloaded, requests)
    return sources


def _in_one_line(path: str) -> str:
    """An input that neither ends the line nor its column: control characters as Python writes them."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in path)


def _as_data(transcript: Transcript) -> dict[str, Any]:
    text = {} if transcript.text is None else {"text": transcript.text}
    told = [finding.to_dict() for finding in transcript.findings]
    return {"input": transcript.source, **text, **({"findings": told} if told else {})}
