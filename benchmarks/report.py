"""Results as a text table, as Markdown, and written between the markers of a document.

python -m benchmarks.report RESULTS.json [--chart FILE.svg] [DOCUMENT.md ...]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.chart import chart
from benchmarks.results import Result, read_results
from compiler.reports.tables import aligned, markdown
from compiler.writing.files import replace_text

BEGIN, END = "<!-- benchmarks:begin -->", "<!-- benchmarks:end -->"
HEADING = (
    "task",
    "crossloom",
    "median",
    "transformers",
    "median",
    "faster",
    "by medians",
    "of limit",
    "peak MB",
    "disturbed",
)
RIGHT = range(1, len(HEADING))
ABSENT = "–"


def text_table(results: Mapping[str, Result]) -> str:
    """The table for a terminal, the machine's peaks below it."""
    rows = [HEADING, *(_cells(result) for result in results.values())]
    return "\n".join([*aligned(rows, RIGHT), "", _conditions(results)]) + "\n"


def markdown_table(results: Mapping[str, Result]) -> str:
    """The same in Markdown."""
    rows = [HEADING, *(_cells(result) for result in results.values())]
    return "\n".join([*markdown(rows, RIGHT), "", _conditions(results)]) + "\n"


def fill(document: str, table: str) -> str:
    """The document with what lies between its markers replaced; it must have them.

    Raises:
        ValueError: a marker is missing.
    """
    if BEGIN not in document or END not in document:
        raise ValueError(f"the document lacks {BEGIN} or {END}")
    before, rest = document.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{table}{END}{rest.split(END, 1)[1]}"


def seconds(value: float) -> str:
    """Three figures in the unit that suits: 1.23 s, 45.6 ms, 789 µs."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def _cells(result: Result) -> tuple[str, ...]:
    anchor, ratios, fraction, memory = result.anchor, result.ratios, result.fraction, result.peak_bytes
    return (
        result.title,
        *map(seconds, result.ours),
        *(map(seconds, anchor) if anchor else (ABSENT, ABSENT)),
        *([f"{ratio:.3g}x" for ratio in ratios] if ratios else (ABSENT, ABSENT)),
        f"{fraction:.0%}" if fraction else ABSENT,
        f"{memory[0] / 1e6:.0f} / {memory[1] / 1e6:.0f}" if memory else ABSENT,
        f"{result.contaminated} of {result.rounds}",
    )


def _conditions(results: Mapping[str, Result]) -> str:
    """What the rows were measured on; several runs make ranges."""
    every = list(results.values())
    if not every:
        return "Nothing was measured."
    dates = sorted({result.date for result in every})
    bandwidths = sorted(result.bandwidth / 1e9 for result in every)
    operations = sorted(result.operations / 1e9 for result in every)
    threads = sorted({str(result.threads) for result in every})
    return (
        f"{' and '.join(dates)}; {' and '.join(sorted({result.versions for result in every}))}; "
        f"{' and '.join(threads)} threads. Measured in the same runs: memory read "
        f"{bandwidths[0]:.1f} to {bandwidths[-1]:.1f} GB/s, float32 matrix product "
        f"{operations[0]:.0f} to {operations[-1]:.0f} GFLOP/s."
    )


@click.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("documents", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--chart", "chart_file", type=click.Path(dir_okay=False, path_type=Path))
def main(results: Path, documents: tuple[Path, ...], chart_file: Path | None) -> None:
    """Print the results as Markdown; fill them in between the markers of documents."""
    stored = read_results(results)
    table = markdown_table(stored)
    click.echo(table, nl=False)
    for file in documents:
        replace_text(file, fill(file.read_text(), table))
    if chart_file:
        replace_text(chart_file, chart(stored))


if __name__ == "__main__":
    main()
