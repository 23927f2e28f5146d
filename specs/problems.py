"""What the rules in `specs` find wrong, before any source file is known.

A `Problem` names configuration addresses; the compiler turns it into a diagnostic with
file, line and column.
"""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One finding.

    `at` lists (address, label) pairs, the primary one first. An address is a path in the
    resolved spec such as `model.config.d_model`.
    """

    code: str
    message: str
    at: tuple[tuple[str, str], ...]
    info: tuple[str, ...] = ()
    help: str | None = None
    severity: str = "error"
