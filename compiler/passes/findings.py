"""Where problems become diagnostics: located, merged, and silent about what was already reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.reader import Document
from compiler.reader import Path as Address
from specs.problems import Problem


class Findings:
    """The diagnostics of one spec, in the order found, and the addresses that are poisoned.

    A problem that involves a poisoned address is dropped: it would repeat an earlier finding. A
    finding poisons its primary address.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.diagnostics: list[Diagnostic] = list(document.diagnostics)
        self._paths = {".".join(map(str, path)): path for path in document.values}
        self._poisoned = {".".join(map(str, path)) for path in document.poisoned}

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
        return address in self._paths

    def is_poisoned(self, address: str) -> bool:
        """Whether this address, or one that encloses it, was reported already."""
        steps = address.split(".")
        return any(".".join(steps[:n]) in self._poisoned for n in range(1, len(steps) + 1))

    def poison(self, address: str) -> None:
        """Stay silent about an address from here on."""
        self._poisoned.add(address)

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
            same = next(
                (k for k, p in merged.items() if (p.code, p.message) == (problem.code, problem.message)), None
            )
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
            if problem.at:
                self.poison(problem.at[0][0])

    def _by_blame(self, problem: Problem) -> Problem:
        """The same problem with fields that were written before fields left at their default."""
        written = [place for place in problem.at if self.is_written(place[0])]
        return replace(problem, at=(*written, *(place for place in problem.at if place not in written)))

    @staticmethod
    def _joined(first: Problem, second: Problem) -> Problem:
        """One problem with the places of both; a place they share is the cause and comes first."""
        shared = [place for place in first.at if place[0] in {a for a, _ in second.at}]
        others = [p for p in (*first.at, *second.at) if p[0] not in {a for a, _ in shared}]
        return replace(first, at=tuple(dict.fromkeys((*shared, *others))))

    def _located(self, problem: Problem, values: Mapping[str, object]) -> Diagnostic:
        spans, info = [], list(problem.info)
        for address, label in problem.at:
            if self.is_written(address):
                spans.append(_labelled(self.document.values[self._paths[address]], label))
            elif address in values:
                info.append(f"`{address}` is {values[address]} by default")
        if not spans and problem.at:
            address, label = problem.at[0]
            spans.append(_labelled(self.document.locate(self._nearest(address)), label))
        return Diagnostic(
            problem.code,
            Severity(problem.severity),
            problem.message,
            tuple(spans),
            tuple(info),
            problem.help,
        )

    def _nearest(self, address: str) -> Address:
        """Path of the longest written beginning of an address."""
        steps = address.split(".")
        for length in range(len(steps), 0, -1):
            prefix = ".".join(steps[:length])
            if prefix in self._paths:
                return self._paths[prefix]
        return ()


def _labelled(span: Span, label: str) -> Span:
    return replace(span, label=label)
