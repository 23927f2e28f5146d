"""Every fault, of whatever kind: something spoilt in a copy of the sources, and what is to find it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.mutation import tree
from tests.mutation.edges import EdgeFault, EndFault, edge_faults
from tests.mutation.patches import Patch, patches
from tests.mutation.rows import RowFault, row_faults


@dataclass(frozen=True)
class Result:
    """One line of the matrix."""

    group: str
    name: str
    killer: str | None
    equivalent: str | None

    @property
    def is_expected(self) -> bool:
        """Caught, or known to be equivalent; not both."""
        return (self.killer is None) is (self.equivalent is not None)


class Fault(Protocol):
    """What is spoilt."""

    @property
    def group(self) -> str:
        """The page it is on."""

    @property
    def name(self) -> str:
        """What is spoilt, in words."""

    @property
    def equivalent(self) -> str | None:
        """Why no test can tell, where none can."""

    @property
    def tests(self) -> tuple[str, ...]:
        """Files of tests that are to find it."""

    def killer(self, copy: Path) -> str | None:
        """The first test that fails in a copy of the sources with this fault."""


@dataclass(frozen=True)
class NoFault:
    """Nothing is spoilt: the tests of a group have to pass."""

    group: str
    tests: tuple[str, ...]
    name: str = "nothing"
    equivalent: str = "nothing is spoilt"

    def killer(self, copy: Path) -> str | None:
        """None, or the faults of the group prove nothing."""
        return tree.run(copy, tests=self.tests).killer


def all_faults() -> list[Fault]:
    """Group after group, each begun by none.

    The families are imported from the sources themselves, and forgotten again.
    """
    spoilt: list[RowFault | EdgeFault | EndFault | Patch] = [*row_faults(), *edge_faults(), *patches()]
    for name in [name for name in sys.modules if name.partition(".")[0] == "specs"]:
        del sys.modules[name]
    found: list[Fault] = []
    for group in dict.fromkeys(fault.group for fault in spoilt):
        faults = [fault for fault in spoilt if fault.group == group]
        found += [NoFault(group, faults[0].tests), *faults]
    return found
