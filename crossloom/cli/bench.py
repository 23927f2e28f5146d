"""`crossloom bench`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from compiler.installing import require
from crossloom.cli.options import WEIGHTS, format_option
from crossloom.cli.output import as_json, columns
from crossloom.cli.specs import by_role, in_use
from specs.counts import counted

if TYPE_CHECKING:
    from compiler.spec import Spec
    from runtime.measuring import Peaks
    from runtime.measuring.model import Timing
    from specs.graph import Graph


_ALONE = ("weights", "length", "tokens", "beams", "dtype", "format")
_BESIDE = ("rows", "json_file", "chart")
"""Options of a model alone, and of a comparison."""


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(value.split(",")) if value else ()


@click.command(short_help="Times of a model's stages, held against what the machine can do.")
@click.argument("spec", metavar="SPEC", required=False)
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
@click.option(
    "--compile",
    "modes",
    type=click.Choice(["eager", "fast", "max"]),
    multiple=True,
    help="How the model is compiled; of a comparison several times, and all by default.",
)
@click.option(
    "--dtype", type=click.Choice(["float32", "bfloat16", "float16", "float64"]), help="Of the parameters."
)
@format_option("text", "json")
@click.option("--against", type=click.Choice(["transformers"]), help="Compare instead, without a SPEC.")
@click.option("--rows", callback=_names, metavar="NAME,...", help="Only these rows of the comparison.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Add the rows to this file."
)
@click.option("--chart", type=click.Path(dir_okay=False, path_type=Path), help="Draw the rows as SVG.")
@click.pass_context
def command(
    ctx: click.Context,
    spec: str | None,
    weights: tuple[str, ...],
    length: int,
    tokens: int,
    beams: int,
    rounds: int,
    threads: int | None,
    modes: tuple[str, ...],
    dtype: str | None,
    format: str,
    against: str | None,
    rows: tuple[str, ...],
    json_file: Path | None,
    chart: Path | None,
) -> int:
    """Measure one model on CPU: checking, emitting, building, encoding, and steps of decoding.

    A step of decoding reads every weight it uses once, and the caches once; how near it comes to the time
    which that takes at the memory bandwidth measured in the same run is its share of the limit. The weights
    are fresh unless --weights names some: times do not depend on them.

    With --against transformers, in a clone of the repository, many tasks are measured beside it: each side
    in a process of its own, on the same weights, asked in turn once their outputs agree.

    \b
    $ crossloom bench s2t-small-librispeech-asr
    $ crossloom bench s2t.yaml --compile max --beams 8 --rounds 15 --format json
    $ crossloom bench --against transformers --rows greedy,beam-5 --compile max
    """
    _refuse_mixed(ctx, spec, against)
    if against is not None:
        from crossloom.cli.comparing import compare

        return compare(rows, modes, rounds, threads, json_file, chart)
    assert spec is not None, "refused without"
    if len(modes) > 1:
        raise click.UsageError("--compile: a model alone is compiled in one way")
    compile: Any = next((mode for mode in modes if mode != "eager"), False)
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
    how = {"compile": compile, "dtype": getattr(torch, dtype) if dtype else None}
    model = _model(once, sound, graph, by_role(weights), how)
    eager = _model({}, sound, graph, by_role(weights), {**how, "compile": False}) if compile else model
    peaks = measure_peaks()
    timings = measure_model(
        model, eager, sound, graph, peaks, length=length, tokens=tokens, beams=beams, rounds=rounds
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


def _refuse_mixed(ctx: click.Context, spec: str | None, against: str | None) -> None:
    """A model alone and a comparison have options of their own."""
    if (spec is None) == (against is None):
        problem = "give a SPEC, or --against transformers" + ("" if spec is None else ", and not both")
        raise click.UsageError(problem)
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    for name in _BESIDE if against is None else _ALONE:
        if name in given:
            option = f"--{name.removesuffix('_file')}"
            needed = "only with --against" if against is None else "only of a SPEC, without --against"
            raise click.UsageError(f"{option} has a meaning {needed}")


def _model(seconds: dict[str, float], spec: Spec, graph: Graph, weights: Any, how: dict[str, Any]) -> Any:
    if weights is None:
        from compiler.build import build

        with _stage(seconds, "build"):
            return build(spec, graph, **how).eval()
    from compiler.load import load
    from compiler.sources import sources_of

    with _stage(seconds, "load"):
        return load(spec, graph, sources_of(spec, weights), **how)


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
