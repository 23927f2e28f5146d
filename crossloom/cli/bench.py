"""`crossloom bench`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from compiler.installing import require
from crossloom.cli.options import SPEC, WEIGHTS, format_option
from crossloom.cli.output import as_json, columns
from crossloom.cli.specs import by_role, in_use
from specs.counts import counted

if TYPE_CHECKING:
    from compiler.spec import Spec
    from runtime.measuring import Peaks
    from runtime.measuring.model import Timing
    from specs.graph import Graph


@click.command(short_help="Times of a model's stages, held against what the machine can do.")
@SPEC
@WEIGHTS
@click.option("--length", type=click.IntRange(min=1), default=500, show_default=True, help="Of the input.")
@click.option(
    "--tokens", type=click.IntRange(min=1), default=100, show_default=True, help="Decoded in a round."
)
@click.option(
    "--beams", type=click.IntRange(min=1), default=5, show_default=True, help="Beside the single row."
)
@click.option(
    "--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="The least is shown."
)
@click.option("--threads", type=click.IntRange(min=1), help="As many as torch takes, by default.")
@format_option("text", "json")
def command(
    spec: str,
    weights: tuple[str, ...],
    length: int,
    tokens: int,
    beams: int,
    rounds: int,
    threads: int | None,
    format: str,
) -> int:
    """Measure one model on CPU: checking, emitting, building, encoding, and steps of decoding.

    A step of decoding reads every weight it uses once, and the caches once; how near it comes to the time
    which that takes at the memory bandwidth measured in the same run is its share of the limit. The weights
    are fresh unless --weights names some: times do not depend on them. To measure against transformers, run
    `make bench` in the repository.

    \b
    $ crossloom bench s2t-small-librispeech-asr
    $ crossloom bench s2t.yaml --beams 8 --rounds 15 --format json
    """
    require("`crossloom bench`", "torch")
    import torch

    from runtime.measuring.model import input_sizes, measure_model
    from runtime.measuring.peaks import measure_peaks

    if threads is not None:
        torch.set_num_threads(threads)
    once: dict[str, float] = {}
    with _stage(once, "check"):
        sound, graph = in_use(spec)
    with _stage(once, "emit"):
        from compiler.emission.folder import render_folder

        render_folder(sound, graph)
    sizes = input_sizes(sound, graph, length, tokens)
    for line in _cuts(sizes, length, tokens):
        click.echo(line, err=True)
    model = _model(once, sound, graph, by_role(weights))
    peaks = measure_peaks()
    timings = measure_model(
        model, sound, graph, peaks, length=length, tokens=tokens, beams=beams, rounds=rounds
    )
    if format == "json":
        click.echo(as_json(_as_data(once, timings, peaks, torch.get_num_threads())), nl=False)
    else:
        for line in _as_lines(once, timings, peaks, torch.get_num_threads()):
            click.echo(line)
    return 0


def _cuts(sizes: dict[str, int], length: int, tokens: int) -> Iterator[str]:
    """What is measured of another length than was asked for."""
    asked = {name: tokens if name == "target" else length for name in sizes if name != "batch"}
    for name, number in asked.items():
        if sizes[name] != number:
            option = "--tokens" if name == "target" else "--length"
            yield f"note: {option} {number} does not fit the model's positions: {sizes[name]} are measured"


@contextmanager
def _stage(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


def _model(seconds: dict[str, float], spec: Spec, graph: Graph, weights: Any) -> Any:
    if weights is None:
        from compiler.build import build

        with _stage(seconds, "build"):
            return build(spec, graph).eval()
    from compiler.load import load
    from compiler.sources import sources_of

    with _stage(seconds, "load"):
        return load(spec, graph, sources_of(spec, weights))


def _as_lines(once: dict[str, float], timings: list[Timing], peaks: Peaks, threads: int) -> Iterator[str]:
    from compiler.reports.tables import aligned, filled

    rows = [("", "ms", "median", "of limit")]
    rows += [(f"{name}, once", f"{seconds * 1e3:.2f}", "", "") for name, seconds in once.items()]
    for one in timings:
        share = f"{one.limit / one.seconds:.0%}" if one.limit else ""
        rows.append((one.title, f"{one.seconds * 1e3:.2f}", f"{one.median * 1e3:.2f}", share))
    yield from aligned(rows, right=(1, 2, 3))
    disturbed = sum(len(one.series.contaminated) for one in timings)
    rounds = sum(len(one.series.samples) for one in timings)
    yield ""
    yield from filled(
        f"{counted(threads, 'thread')}; memory read {peaks.bandwidth / 1e9:.1f} GB/s, "
        f"matrix product {peaks.operations / 1e9:.0f} GFLOP/s; "
        f"{disturbed} of {counted(rounds, 'round')} disturbed",
        columns(),
    )


def _as_data(once: dict[str, float], timings: list[Timing], peaks: Peaks, threads: int) -> dict[str, Any]:
    return {
        "threads": threads,
        "bytes_per_second": peaks.bandwidth,
        "operations_per_second": peaks.operations,
        "once": once,
        "timings": [
            {
                "title": one.title,
                "seconds": one.seconds,
                "median": one.median,
                "limit": one.limit,
                "rounds": len(one.series.samples),
                "disturbed": one.series.contaminated,
            }
            for one in timings
        ],
    }
