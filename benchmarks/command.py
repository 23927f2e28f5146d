"""The command that measures rows and prints a table; behind `crossloom bench --against transformers`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.chart import chart
from benchmarks.contest import Contest, Machine, Outcome
from benchmarks.folders import Checkpoints
from benchmarks.report import RECORDED
from benchmarks.results import Result, read_results, write_results
from benchmarks.rows import MODES, Row, rows
from benchmarks.tables import text_table
from benchmarks.workers import Worker
from compiler.writing.files import replace_text

LEAST_ROUNDS = 7
_UNKNOWN = 30.0
"""Seconds that a row may take which has not been measured before."""


def compare(
    chosen: Iterable[str],
    modes: Iterable[str],
    rounds: int,
    threads: int,
    file: Path | None,
    drawn: Path | None,
) -> int:
    """Measure rows, print the table of all that `file` has, and give the exit code: 1 if a side failed."""
    measured = list(_chosen(chosen, modes))
    results = read_results(file) if file else {}
    known = {**read_results(RECORDED), **results}
    told = sum(known[row.name].wall if row.name in known else _UNKNOWN for row in measured)
    click.echo(f"{len(measured)} rows of {rounds} rounds, about {told / 60:.0f} minutes", err=True)
    failures: list[str] = []
    with TemporaryDirectory() as folder, Worker("the machine", threads) as worker:
        contest = Contest(Machine(worker), Checkpoints(Path(folder), threads), rounds, threads)
        for number, row in enumerate(measured, 1):
            click.echo(f"{number}/{len(measured)} {row.name}: ", nl=False, err=True)
            outcome = contest.run(row)
            click.echo(_told(outcome), err=True)
            failures += outcome.failures
            if outcome.result is not None:
                results[row.name] = outcome.result
                if file:
                    write_results(file, _ordered(results))
    results = _ordered(results)
    click.echo(text_table(results), nl=False)
    if drawn:
        replace_text(drawn, chart(results))
    return 1 if failures else 0


def _chosen(names: Iterable[str], modes: Iterable[str]) -> Iterable[Row]:
    """The rows of these names, all where there are none, with the sides of ours that are compiled so."""
    kept = {"", *(modes or MODES)}
    available = rows()
    for name in names or available:
        if name not in available:
            raise click.UsageError(f"no row {name!r}; there are {', '.join(available)}")
        row = available[name]
        sides = tuple(side for side in row.sides if not side.is_ours or side.label in kept)
        if any(side.is_ours for side in sides):
            yield replace(row, sides=sides)


def _ordered(results: Mapping[str, Result]) -> dict[str, Result]:
    return {name: results[name] for name in rows() if name in results}


def _told(outcome: Outcome) -> str:
    lines = [f"{outcome.result.wall:.0f} s" if outcome.result else "not measured"]
    return "\n".join(
        [*lines, *(f"  {line}" for failure in outcome.failures for line in failure.splitlines())]
    )


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(value.split(",")) if value else ()


@click.command()
@click.option("--rows", metavar="NAME,...", callback=_names, help="Only these rows.")
@click.option(
    "--compile", "modes", type=click.Choice(list(MODES)), multiple=True, help="Only ours compiled so."
)
@click.option("--rounds", type=click.IntRange(min=1), default=LEAST_ROUNDS, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True)
@click.option(
    "--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Add to what this file has."
)
@click.option("--chart", "drawn", type=click.Path(dir_okay=False, path_type=Path), help="Draw an SVG.")
def command(
    rows: tuple[str, ...],
    modes: tuple[str, ...],
    rounds: int,
    threads: int,
    file: Path | None,
    drawn: Path | None,
) -> None:
    """Measure against transformers, the sides in turn, each in a process of its own."""
    sys.exit(compare(rows, modes, rounds, threads, file, drawn))
