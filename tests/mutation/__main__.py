"""`python -m tests.mutation [WORD]`: run every fault whose name holds WORD, and write docs/mutations.md.

Exit status 1 if a fault survives that is not known to be equivalent, or one known to be is caught.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutation import tree
from tests.mutation.patches import Patch, patches
from tests.mutation.rows import RowFault, faults

REPORT = tree.ROOT / "docs" / "mutations.md"
HEADER = """\
# Mutations

For every fault, the first test that fails; `make mutants` writes this file. A fault that no test catches
is listed with the reason why it changes nothing.

The tests run in this order: {tests}.
"""


@dataclass(frozen=True)
class Result:
    """One line of the matrix."""

    group: str
    name: str
    killer: str | None
    equivalent: str | None

    @property
    def expected(self) -> bool:
        """Caught, or known to be equivalent; not both."""
        return (self.killer is None) is (self.equivalent is not None)


def results(folder: Path, word: str) -> Iterator[Result]:
    """Every fault in turn."""
    with tree.copied(folder) as copy:
        assert tree.run(copy).killer is None, "the tests pass without a fault"
        for fault in row_faults():
            if word in fault.name:
                killer = tree.run(copy, fault.prepare, fault.tests or tree.TESTS).killer
                yield Result("weight table", fault.name, killer, fault.equivalent)
        for patch in patches():
            if word in patch.name:
                yield Result(patch.group, patch.name, killed_by(copy, patch), patch.equivalent)


def killed_by(copy: Path, patch: Patch) -> str | None:
    """The test that fails with one edit made."""
    with tree.edited(copy / patch.file, patch.find, patch.replace):
        return tree.run(copy, tests=tree.tests_of(patch.group)).killer


def row_faults() -> list[RowFault]:
    """Faults of the table; the family is imported from the sources themselves, and forgotten again."""
    found = list(faults())
    for name in [name for name in sys.modules if name.partition(".")[0] == "specs"]:
        del sys.modules[name]
    return found


def report(found: list[Result]) -> str:
    """The matrix as Markdown."""
    tests = ", ".join(f"`{name.removeprefix('tests/')}`" for name in tree.TESTS)
    lines = [HEADER.format(tests=tests)]
    caught = sum(result.killer is not None for result in found)
    lines.append(f"{len(found)} faults, {caught} caught.\n")
    for group in dict.fromkeys(result.group for result in found):
        lines += [f"## {group.capitalize()}\n", "| fault | caught by |", "|---|---|"]
        for result in found:
            if result.group == group:
                lines.append(f"| {result.name} | {shown(result)} |")
        lines.append("")
    return "\n".join(lines)


def shown(result: Result) -> str:
    """What the second column says."""
    if result.killer is None:
        return f"**none**: {result.equivalent or 'not known why'}"
    return f"`{result.killer.removeprefix('tests/')}`"


def main(word: str) -> int:
    """Run, print, write; a partial run writes nothing."""
    tree.warm_up()
    found: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for result in results(Path(folder), word):
            found.append(result)
            mark = "    " if result.expected else "!!! "
            print(f"{mark}{result.group}: {result.name}: {shown(result)}", flush=True)
    if not word:
        REPORT.write_text(report(found), encoding="utf-8")
    unexpected = [result for result in found if not result.expected]
    print(f"{len(found)} faults, {len(unexpected)} unexpected")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
