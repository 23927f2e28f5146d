"""What is left over of a part whose family another spec extends: nothing of it is meant for the new one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.reader import Document
from compiler.reader import Path as Address

PARTS = ("model", "encoder", "decoder")
"""The keys under which a family stands."""

_OF_A_FAMILY = ("architecture", "weights", "config")


def leftovers(base: Document, over: Document) -> Iterator[tuple[Diagnostic, list[Address]]]:
    """XL113 for every part whose family `over` changes, with the addresses it inherits and should not."""
    if not isinstance(base.data, dict) or not isinstance(over.data, dict):
        return
    for role in PARTS:
        lower, upper = base.data.get(role), over.data.get(role)
        if not isinstance(lower, dict) or not isinstance(upper, dict):
            continue
        was, now = lower.get("family"), upper.get("family")
        if was is None or now is None or was == now:
            continue
        found = list(_left(lower, upper, (role,)))
        if found:
            yield _finding(base, over, role, str(was), found), found


def _left(lower: dict[str, Any], upper: dict[str, Any], path: Address) -> Iterator[Address]:
    """What is inherited of a family's keys: a whole section, or fields of one that both write."""
    for key in _OF_A_FAMILY:
        if lower.get(key) is None:
            continue
        if key not in upper:
            yield (*path, key)
        elif isinstance(lower[key], dict) and isinstance(upper[key], dict):
            yield from ((*path, key, name) for name in lower[key] if name not in upper[key])


def _finding(base: Document, over: Document, role: str, was: str, found: list[Address]) -> Diagnostic:
    fields = [str(path[2]) for path in found if len(path) > 2]
    removed = [f"{path[1]}: null" for path in found if len(path) == 2]
    removed += ["config: {" + ", ".join(f"{name}: null" for name in fields) + "}"] if fields else []
    return Diagnostic(
        "XL113",
        Severity.ERROR,
        f"`{role}` has another family, and inherits what was written for `{was}`",
        (
            over.locate((role, "family")),
            *(base.keys[path] for path in found if path in base.keys),
        ),
        ("maps merge by key: what is not written here is as in the extended spec",),
        f"take it away: `{role}: {{{', '.join(removed)}}}`",
    )
