"""`crossloom demo`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from compiler.installing import require
from crossloom.cli.failures import FINDINGS
from crossloom.cli.output import columns, program, report
from crossloom.cli.specs import checked
from specs.counts import counted

_SPEC = "digits"


@click.command(short_help="Spoken digits to words, through every stage.")
@click.argument("audio", nargs=-1, metavar="[AUDIO...]")
def command(audio: tuple[str, ...]) -> int:
    """Take the catalogue's `digits` from its spec to words: check, compile, load, transcribe.

    Without AUDIO it listens to the recordings beside its checkpoint, and compares with what was said there.

    \b
    $ crossloom demo
    """
    require("`crossloom demo`", "torch", "soundfile", "soxr", extra="torch,audio")
    from compiler.emission.folder import render_folder
    from compiler.reports.facts import facts_of
    from compiler.reports.tables import aligned
    from compiler.reports.weights import verified_facts
    from compiler.sources import sources_of, verify_sources
    from crossloom.api import load
    from runtime.processing.loading import processor_of
    from runtime.transcription import transcribe

    with _Stage("checked") as stage:
        spec, graph = checked(_SPEC)
        facts = facts_of(spec, graph)
        stage.says = f"`{_SPEC}`, a {facts.form.partition(': ')[2]} of {facts.parameters:,} parameters"
    with _Stage("compiled") as stage:
        source = render_folder(spec, graph)["modeling.py"]
        stage.says = f"to {len(source.splitlines())} lines of PyTorch that need nothing else"
    with _Stage("verified") as stage:
        sources = sources_of(spec, None)
        found = [verified_facts(one) for one in verify_sources(spec, graph, sources)[1]]
        mapped, stored = (sum(one.get(name, 0) for one in found) for name in ("mapped", "stored"))
        stage.says = f"{mapped} of {stored} stored tensors have their place, by headers alone"
    with _Stage("loaded") as stage:
        model = load(spec)
        processor = processor_of(spec, graph, sources)
        stage.says = "the emitted source, with the checkpoint's weights"
    said = _recordings(sources["model"].path("config.json").parent.parent / "audio")
    files = list(audio or said)
    with _Stage("transcribed") as stage:
        transcripts = list(transcribe(model, processor, files))
        stage.says = counted(len(files), "recording")
    heading = ("recording", "recognised") if audio else ("recording", "said", "recognised")
    rows = [
        (Path(one.source).name, one.text) if audio else (Path(one.source).name, said[one.source], one.text)
        for one in transcripts
        if one.text is not None
    ]
    click.echo("\n" + "\n".join(aligned([heading, *rows], indent="  ")) + "\n")
    failed = [one for one in transcripts if one.text is None]
    for one in failed:
        report(one.findings)
    crossloom = program()
    following = (f"show {_SPEC}", f"run {_SPEC} RECORDING.wav", "--help")
    click.echo("next:\n" + "\n".join(f"  {crossloom} {arguments}" for arguments in following))
    return FINDINGS if failed else 0


class _Stage:
    """Prints a line when it is over: its name, what it `says`, and the time it took."""

    says = ""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> _Stage:
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        from compiler.reports.tables import filled

        if kind is None:
            seconds = time.perf_counter() - self._started
            name = f"{self._name:12}"
            lines = filled(f"{self.says}  ({seconds:.2f} s)", columns(), " " * len(name), lead=name)
            click.echo("\n".join(lines))


def _recordings(folder: Path) -> dict[str, str]:
    """The recordings of a folder's manifest, each with what is said in it."""
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line]
    return {str(folder / row["audio"]): row["text"] for row in rows}
