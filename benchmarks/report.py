"""Fill the documents with what a run measured.

python -m benchmarks.report

reads docs/benchmarks.json and docs/growth.json, draws a chart of each beside it, and writes between the
markers of README.md and docs/performance.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.axes import growth_text
from benchmarks.chart import chart
from benchmarks.goals import goals_table
from benchmarks.growth_chart import growth_chart
from benchmarks.results import Result, read_results
from benchmarks.tables import markdown_table, summary_table
from compiler.writing.files import replace_text

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RECORDED, GROWTH = DOCS / "benchmarks.json", DOCS / "growth.json"
"""The runs that the documents show."""
DOCUMENTS = (ROOT / "README.md", DOCS / "performance.md")

_SECTION = re.compile(r"(<!-- benchmarks:(\w+) -->\n).*?(<!-- benchmarks:end -->)", re.DOTALL)
"""A marker that names what is written below it, and one that ends it."""


def sections(results: Mapping[str, Result], growth: Mapping[str, Result]) -> dict[str, str]:
    """What documents may ask for by name."""
    return {
        "growth": growth_text(growth),
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
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where something would change.")
def main(check: bool) -> None:
    """Fill the documents, and draw the charts, from the recorded runs."""
    changed = [file for file, text in rendered().items() if file.read_text(encoding="utf-8") != text]
    for file in changed:
        click.echo(f"{'differs' if check else 'written'}: {file.relative_to(ROOT)}", err=True)
        if not check:
            replace_text(file, rendered()[file])
    sys.exit(1 if check and changed else 0)


def rendered() -> dict[Path, str]:
    """Every document and chart as it is made of the recorded runs."""
    results, growth = read_results(RECORDED), read_results(GROWTH)
    texts = sections(results, growth)
    filled = {file: fill(file.read_text(encoding="utf-8"), texts) for file in DOCUMENTS}
    return {**filled, DOCS / "benchmarks.svg": chart(results), DOCS / "growth.svg": growth_chart(growth)}


if __name__ == "__main__":
    main()
