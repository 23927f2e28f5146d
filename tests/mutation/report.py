"""The matrix as pages of Markdown: one a group, and one that counts them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.mutation.faults import Result
from tests.mutation.tree import ROOT

FOLDER = ROOT / "docs" / "mutations"
_SUMMARY = "README.md"
_GROUP = re.compile(r"^# Faults: (.+)$", re.MULTILINE)
_COUNTS = re.compile(r"^(\d+) faults, (\d+) caught, (\d+) equivalent\.$", re.MULTILINE)
_HEADER = """\
# Mutations

For every fault, the first test that fails; `make mutants` writes these pages. A fault that no test can
catch is listed with the reason why it changes nothing.

| faults in | faults | caught | equivalent |
|---|---:|---:|---:|
"""


def write_pages(found: list[Result], folder: Path = FOLDER) -> None:
    """Write the pages of the groups that were run, and count those of all groups."""
    folder.mkdir(exist_ok=True)
    for group in dict.fromkeys(result.group for result in found):
        results = [result for result in found if result.group == group and result.name != "nothing"]
        (folder / f"{group.replace(' ', '-')}.md").write_text(_page(group, results), encoding="utf-8")
    (folder / _SUMMARY).write_text(_summary(folder), encoding="utf-8")


def _page(group: str, results: list[Result]) -> str:
    caught = sum(result.killer is not None for result in results)
    lines = [
        f"# Faults: {group}",
        "",
        f"{len(results)} faults, {caught} caught, {len(results) - caught} equivalent.",
        "",
        "| fault | caught by |",
        "|---|---|",
        *(f"| {result.name} | {shown(result)} |" for result in results),
        "",
    ]
    return "\n".join(lines)


def _summary(folder: Path) -> str:
    lines = []
    totals = [0, 0, 0]
    for page in sorted(folder.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        group, counts = _GROUP.search(text), _COUNTS.search(text)
        if group is not None and counts is not None:
            totals = [total + int(count) for total, count in zip(totals, counts.groups(), strict=True)]
            lines.append(f"| [{group[1]}]({page.name}) | {' | '.join(counts.groups())} |")
    lines.append(f"| all | {' | '.join(str(total) for total in totals)} |")
    return _HEADER + "\n".join(lines) + "\n"


def shown(result: Result) -> str:
    """What the second column says."""
    if result.killer is None:
        return f"**none**: {result.equivalent or 'not known why'}"
    return f"`{result.killer.removeprefix('tests/')}`"
