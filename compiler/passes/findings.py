"""Where problems become diagnostics: located, merged, and silent about what was already reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.passes.editing import value_at, with_value, without
from compiler.reader import Document
from compiler.reader import Path as Address
from specs.problems import Problem

_KEY = "!key"
_BOTH_SIDES = ("XL301", "XL305")
"""Two places contradict each other: either may be wrong, and what follows from either would repeat it."""
_SHARED = "dims."
"""Sizes with a name are used by many: the place that differs from them is the likelier mistake."""


def dotted(path: Address) -> str:
    """A path as an address."""
    return ".".join(map(str, path))


def key_of(address: str) -> str:
    """The key at an address, where a problem is about the name and not the value."""
    return address + _KEY


class Findings:
    """The diagnostics of one spec, in the order found, and the addresses that are poisoned.

    A problem that involves a poisoned address is dropped: it would repeat an earlier finding. An
    error poisons its primary address.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.diagnostics: list[Diagnostic] = list(document.diagnostics)
        self._paths = {dotted(path): path for path in document.values}
        self._poisoned = {dotted(path) for path in document.poisoned}

    @property
    def origins(self) -> dict[str, Span]:
        """Address -> place of every value that was written."""
        return {address: self.document.values[path] for address, path in self._paths.items() if path}

    @property
    def has_errors(self) -> bool:
        """Whether anything found so far is an error."""
        return any(d.severity is Severity.ERROR for d in self.diagnostics)

    def is_written(self, address: str) -> bool:
        """Whether the spec gives a value at this address."""
        return bool(address) and address.removesuffix(_KEY) in self._paths

    def is_poisoned(self, address: str) -> bool:
        """Whether this address, or one that encloses it, was reported already."""
        steps = address.removesuffix(_KEY).split(".")
        return address in self._poisoned or any(
            ".".join(steps[:n]) in self._poisoned for n in range(1, len(steps) + 1)
        )

    def poison(self, address: str) -> None:
        """Stay silent about an address from here on; what is below a key that was reported is not meant."""
        self._poisoned.add(address)

    def move(self, path: Address, right: Address) -> None:
        """Go on as if what is at `path` were at `right`. It is not reported again, unless it is a map."""
        if path not in self.document.values:
            return  # it went along with what encloses it
        document, depth = self.document, len(path)

        def moved(place: Address) -> Address:
            return (*right, *place[depth:]) if place[:depth] == path else place

        self.document = replace(
            document,
            data=with_value(without(document.data, path), right, value_at(document.data, path)),
            values={moved(place): span for place, span in document.values.items()},
            keys={moved(place): span for place, span in document.keys.items()},
            poisoned=frozenset(map(moved, document.poisoned)),
        )
        self._paths = {dotted(place): place for place in self.document.values}
        if not isinstance(value_at(self.document.data, right), dict):
            self.poison(dotted(right))

    def add(self, diagnostic: Diagnostic, path: Address = ()) -> None:
        """Record a diagnostic that is already located; `path` is poisoned."""
        self.diagnostics.append(diagnostic)
        if path:
            self.poison(".".join(map(str, path)))

    def report(self, problems: Iterable[Problem], values: Mapping[str, object] | None = None) -> None:
        """Locate problems and record them; those with one cause become one finding.

        `values` gives the value of fields left at their default, for the explanation.
        """
        merged: dict[tuple[str, str], Problem] = {}
        for problem in problems:
            blamed = self._by_blame(problem)
            if any(self.is_poisoned(address) for address, _ in blamed.at):
                continue
            key = (problem.code, blamed.at[0][0] if blamed.at else problem.message)
            same = next((k for k, p in merged.items() if self._one_cause(p, blamed)), None)
            if same is not None:
                merged[same] = self._joined(merged[same], blamed)
            elif key in merged:
                merged[key] = self._joined(merged[key], blamed)
            else:
                merged[key] = blamed
        for problem in merged.values():
            if any(self.is_poisoned(address) for address, _ in problem.at):
                continue
            self.diagnostics.append(self._located(problem, values or {}))
            if problem.severity == "error":
                for address, _ in problem.at if problem.code in _BOTH_SIDES else problem.at[:1]:
                    if address == problem.at[0][0] or not address.startswith(_SHARED):
                        self.poison(address)

    def _by_blame(self, problem: Problem) -> Problem:
        """The same problem: what was written first, then what is shared, then what is a default."""

        def innocence(place: tuple[str, str]) -> int:
            return 2 if not self.is_written(place[0]) else place[0].startswith(_SHARED)

        return problem._replace(at=tuple(sorted(problem.at, key=innocence)))

    def _one_cause(self, first: Problem, second: Problem) -> bool:
        """Whether two problems say the same, of one value that was written or all of defaults."""
        if (first.code, first.message) != (second.code, second.message):
            return False
        ours, theirs = ({a for a, _ in p.at if self.is_written(a)} for p in (first, second))
        return ours == theirs or bool(ours & theirs)

    @staticmethod
    def _joined(first: Problem, second: Problem) -> Problem:
        """One problem with the places of both; a place they share is the cause and comes first."""
        shared = [place for place in first.at if place[0] in {a for a, _ in second.at}]
        others = [p for p in (*first.at, *second.at) if p[0] not in {a for a, _ in shared}]
        return first._replace(at=tuple(dict.fromkeys((*shared, *others))))

    def _located(self, problem: Problem, values: Mapping[str, object]) -> Diagnostic:
        spans, info = [], list(problem.info)
        for address, label in problem.at:
            if self.is_written(address):
                spans.append(self._place(address)._replace(label=label))
            elif address in values:
                info.append(f"`{address}` is {values[address]} by default")
        if not spans and problem.at:
            address, label = problem.at[0]
            spans.append(self._place(self._nearest(address))._replace(label=label))
        return Diagnostic(
            problem.code,
            Severity(problem.severity),
            problem.message,
            tuple(spans),
            tuple(info),
            problem.help,
        )

    def _place(self, address: str) -> Span:
        """Where to point: at the value, or at the key where that is meant or the value is a map."""
        path = self._paths.get(address.removesuffix(_KEY), ())
        if not path:
            return self.document.beginning()
        if address.endswith(_KEY) or isinstance(value_at(self.document.data, path), dict):
            return self.document.keys.get(path) or self.document.values[path]
        return self.document.values[path]

    def _nearest(self, address: str) -> str:
        """The longest written beginning of an address."""
        steps = address.split(".")
        written = (".".join(steps[:length]) for length in range(len(steps), 0, -1))
        return next((prefix for prefix in written if prefix in self._paths), "")
