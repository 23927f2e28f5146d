"""Named faults: one small edit each, of the kinds that a port of a model gets wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.mutation import tree

FAULTS = tuple(
    Path(__file__).with_name(name)
    for name in ("faults.yaml", "faults_of_speech.yaml", "faults_of_running.yaml")
)


@dataclass(frozen=True)
class Patch:
    """One edit: `find`, which occurs once in `file`, becomes `replace`.

    `equivalent` says why no test can tell, where none can.
    """

    group: str
    file: str
    name: str
    find: str
    replace: str
    equivalent: str | None = None

    @property
    def tests(self) -> tuple[str, ...]:
        """All tests, those nearest to the group first."""
        return tree.tests_of(self.group)

    def killer(self, copy: Path) -> str | None:
        """The first test that fails with the edit made."""
        with tree.edited(copy / self.file, self.find, self.replace):
            return tree.run(copy, tests=self.tests).killer


def patches() -> list[Patch]:
    """All of them, in the order of the files."""
    return [
        Patch(group, file, **edit)
        for stated in FAULTS
        for group, files in yaml.safe_load(stated.read_text(encoding="utf-8")).items()
        for file, edits in files.items()
        for edit in edits
    ]
