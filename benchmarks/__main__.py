"""Measure rows, print their table: `python -m benchmarks [--rows greedy,load] [--rounds N] [--json FILE]`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click
import torch

from benchmarks.report import text_table
from benchmarks.results import Result, read_results, result_of, write_results
from benchmarks.rows import rows
from benchmarks.subject import Subject
from runtime.measuring import interleave

LEAST_ROUNDS = 7


@click.command()
@click.option("--rows", "chosen", metavar="NAME,...", help=f"Only these of {', '.join(rows())}.")
@click.option("--rounds", type=click.IntRange(min=1), default=LEAST_ROUNDS, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Add the results to those in this file, and print all of them.",
)
def main(chosen: str | None, rounds: int, threads: int, file: Path | None) -> None:
    """Measure against transformers, both sides in turn."""
    available = rows()
    names = chosen.split(",") if chosen else list(available)
    unknown = [name for name in names if name not in available]
    if unknown:
        raise click.BadParameter(f"no row {unknown[0]!r}; there are {', '.join(available)}")
    torch.set_num_threads(threads)
    results: dict[str, Result] = read_results(file) if file else {}
    with tempfile.TemporaryDirectory() as temporary:
        subject = Subject(Path(temporary) / "checkpoint")
        for name in names:
            row = available[name](subject)
            peaks = subject.peaks
            series = interleave([row.ours, row.anchor] if row.anchor else [row.ours], rounds)
            results[name] = result_of(row, series, peaks)
            click.echo(f"measured {name}", err=True)
    results = {name: results[name] for name in available if name in results}
    if file:
        write_results(file, results)
    click.echo(text_table(results), nl=False)


if __name__ == "__main__":
    main()
