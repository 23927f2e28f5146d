"""How time grows with what is asked for: `python -m benchmarks.growth [--axes length,beams] [--json FILE]`.

Every point is a row of its own, whose outputs are compared; the points of an axis share their processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.axes import AXES, Axis, growth_text
from benchmarks.contest import Contest, Machine
from benchmarks.folders import Checkpoints
from benchmarks.growth_chart import growth_chart
from benchmarks.results import Result, read_results, write_results
from benchmarks.rows import MODES
from benchmarks.workers import Worker
from compiler.writing.files import replace_text

ROUNDS = 3


def measure(axis: Axis, contest: Contest) -> Iterator[tuple[str, Result]]:
    """The points of an axis; what fails is told on standard error."""
    with ExitStack() as processes:
        workers = {
            side.label: processes.enter_context(Worker(f"{axis.name}, {side.name}", contest.threads))
            for side in axis.point(axis.values[0]).sides
        }
        for value in axis.values:
            row = axis.point(value)
            outcome = contest.run(row, workers)
            for failure in outcome.failures:
                click.echo(f"{row.name}: {failure}", err=True)
            if outcome.result is not None:
                click.echo(f"{row.name}: {outcome.result.wall:.0f} s", err=True)
                yield row.name, outcome.result


def _axes(_: click.Context, __: click.Parameter, value: str | None) -> tuple[Axis, ...]:
    available = {axis.name: axis for axis in AXES}
    names = value.split(",") if value else list(available)
    unknown = [name for name in names if name not in available]
    if unknown:
        raise click.BadParameter(f"no axis {unknown[0]!r}; there are {', '.join(available)}")
    return tuple(available[name] for name in names)


@click.command()
@click.option("--axes", callback=_axes, metavar="NAME,...", help="Only these axes.")
@click.option(
    "--compile", "modes", type=click.Choice(list(MODES)), multiple=True, help="Only ours compiled so."
)
@click.option("--rounds", type=click.IntRange(min=1), default=ROUNDS, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True)
@click.option(
    "--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Add to what this file has."
)
@click.option("--chart", "drawn", type=click.Path(dir_okay=False, path_type=Path), help="Draw an SVG.")
def main(
    axes: tuple[Axis, ...],
    modes: tuple[str, ...],
    rounds: int,
    threads: int,
    file: Path | None,
    drawn: Path | None,
) -> None:
    """Measure how time grows, beside transformers."""
    results = read_results(file) if file else {}
    with TemporaryDirectory() as folder, Worker("the machine", threads) as worker:
        contest = Contest(Machine(worker), Checkpoints(Path(folder), threads), rounds, threads)
        for axis in axes:
            kept = tuple(mode for mode in axis.modes if mode in (modes or MODES)) or axis.modes[:1]
            results |= measure(replace(axis, modes=kept), contest)
            results = {
                row: results[row] for one in AXES for v in one.values if (row := f"{one.name}/{v}") in results
            }
            if file:
                write_results(file, results)
    click.echo(growth_text(results), nl=False)
    if drawn:
        replace_text(drawn, growth_chart(results))
    sys.exit(0)


if __name__ == "__main__":
    main()
