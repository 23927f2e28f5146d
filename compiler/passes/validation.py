"""Data against a strict schema: what is wrong is reported, mended or taken out, the rest validated again.

A key that is plainly a misspelt or misplaced one is read where it belongs, and a part that cannot stand
without what was reported goes with it. So one mistake is one finding, and the next independent one still
shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from compiler.passes.editing import is_open, value_at, with_value, without
from compiler.passes.findings import Findings, dotted
from compiler.reader import Path as Address
from specs.language import VERSION

if TYPE_CHECKING:
    from compiler.passes.schema import Complaint

_ROUNDS = 16
"""Mending may uncover the next finding; every round takes something out, so few are needed."""

_STAND_INS: dict[Address, Any] = {("crossloom",): VERSION, ("name",): "unnamed"}
"""Required keys of the top of a spec, with a value to go on with."""


def validated(findings: Findings, data: Any, schema: type[BaseModel], prefix: Address) -> Any:
    """`data`, which stands at `prefix`, as `schema`; None where nothing of it can be used."""
    for _ in range(_ROUNDS):
        try:
            return schema.model_validate(data)
        except ValidationError as error:
            from compiler.passes.schema import complaints  # what is sound starts without it

            found = complaints(error, findings.document, prefix, data, schema)
            for complaint in found:
                is_inherited = complaint.is_missing and findings.is_poisoned("extends")
                is_new = not is_inherited and not findings.is_poisoned(dotted(complaint.path))
                if is_new and complaint.diagnostic is not None:
                    findings.add(complaint.diagnostic)
            data = _mended(findings, data, prefix, found)
            if data is None:
                return None
    return None


def _mended(findings: Findings, data: Any, prefix: Address, found: list[Complaint]) -> Any:
    """The data without what was complained about; None where nothing is left."""
    for complaint in found:
        path = complaint.path
        below = path[len(prefix) :]
        meant = complaint.meant
        if meant is not None and is_open(findings.document.data, meant[:-1]):
            data = without(data, below)
            if meant[: len(prefix)] == prefix:
                data = with_value(data, meant[len(prefix) :], value_at(findings.document.data, path))
            findings.move(path, meant)
            continue
        if complaint.is_missing:
            findings.poison(dotted(path))
            if path in _STAND_INS:
                data = {**data, path[-1]: _STAND_INS[path]}
                continue
            below = below[:-1]  # what lacks a key it cannot do without goes as a whole
        below = _whole_list(data, below)
        if not below:
            return None
        findings.poison(dotted((*prefix, *below)))
        data = without(data, below)
    return data


def _whole_list(data: Any, path: Address) -> Address:
    """`path` up to the first list on the way: a list that lost an entry would be another list."""
    for index, step in enumerate(path):
        if isinstance(data, list):
            return path[:index]
        data = data.get(step) if isinstance(data, dict) else None
    return path
