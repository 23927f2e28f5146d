"""Fill the documents with what a run measured.

python -m benchmarks.report RESULTS.json [--growth GROWTH.json] [--charts FOLDER] [DOCUMENT.md ...]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.chart import chart
from benchmarks.goals import goals_table
from benchmarks.results import Result, read_results
from benchmarks.tables import markdown_table, summary_table
from compiler.writing.files import replace_text

_SECTION = re.compile(r"(<!-- benchmarks:(\w+) -->\n).*?(<!-- benchmarks:end -->)", re.DOTALL)
"""A marker that names what is written below it, and one that ends it."""


def sections(results: Mapping[str, Result]) -> dict[str, str]:
    """What documents may ask for by name."""
    return {
        "table": markdown_table(results),
        "summary": summary_table(results),
        "goals": goals_table(results),
    }


def fill(document: str, texts: Mapping[str, str]) -> str:
    """The document with what lies between its markers replaced.

    Raises:
        ValueError: it has no marker, or names a text that there is not.
    """
    names = [name for _, name, _ in _SECTION.findall(document)]
    if not names:
        raise ValueError("the document has no marker `<!-- benchmarks:NAME -->`")
    if unknown := [name for name in names if name not in texts]:
        raise ValueError(f"the document asks for {unknown[0]!r}; there are {', '.join(texts)}")
    return _SECTION.sub(lambda found: f"{found[1]}{texts[found[2]]}{found[3]}", document)


@click.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("documents", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--chart", "drawn", type=click.Path(dir_okay=False, path_type=Path), help="Draw an SVG.")
def main(results: Path, documents: tuple[Path, ...], drawn: Path | None) -> None:
    """Fill in, between the markers of documents, what a run measured."""
    stored = read_results(results)
    for file in documents:
        replace_text(file, fill(file.read_text(encoding="utf-8"), sections(stored)))
    if drawn:
        replace_text(drawn, chart(stored))


if __name__ == "__main__":
    main()
