"""A table against the names and shapes a checkpoint stores: total, or a list of what is not.

Only headers are looked at. One dialect is chosen for the whole file, from the names alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

from compiler.checkpoint.checkpoint import Checkpoint, StoredTensor
from compiler.checkpoint.findings import quoted
from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.spec import HALVES
from compiler.weights.dialects import chosen_dialect
from compiler.weights.folding import counted, folded, folded_pairs
from compiler.weights.halves import absent_patterns
from compiler.weights.misfits import Misfits
from compiler.weights.patterns import Patterns, ignore_findings, without_fresh, without_untrained
from compiler.weights.table import Names, TableRow, WeightTable
from specs.weights import Dialect, WeightMap, generalise

NO_PATTERNS = Patterns()


@dataclass(frozen=True)
class Resolution:
    """How one checkpoint feeds the rows of one component.

    Attributes:
        feeds: address -> stored names, for every loaded row.
        copies: (stored name, stored name): extra copies of tied tensors, equal if the file is sound.
        computed: address -> stored copy of a computed buffer, to compare with its formula.
        ignored: stored names not used, each with its reason.
    """

    dialect: Dialect
    feeds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    copies: tuple[tuple[str, str], ...] = ()
    computed: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)


def resolve(
    table: WeightTable,
    component: str,
    checkpoint: Checkpoint,
    patterns: Patterns = NO_PATTERNS,
    place: Span | None = None,
) -> tuple[Resolution | None, list[Diagnostic]]:
    """Prove that a checkpoint feeds every row of `component` exactly once and holds nothing else.

    `place` is that of `weights:`, for diagnostics. Findings: XL501 missing,
    XL502 unexpected, XL503 shape, XL504 another name, XL511 dialect, XL517 dtype, XL518 idle pattern.
    """
    rows = table.of(component)
    stored = checkpoint.tensors
    dialect, problem = chosen_dialect(table, component, rows, stored, place)
    if dialect is None:
        assert problem is not None, "no dialect without a reason"
        return None, [problem]
    unused = table.maps[component].ignored if component in table.maps else ()
    reasons = {dialect.spell(name): one.reason for one in unused for name in (one.pattern, *one.copies)}
    names = table.names(component, dialect)
    resolver = _Resolver(rows, names, stored, dialect, patterns, reasons, place)
    resolver.table = table.maps.get(component)
    if component in HALVES and component in table.maps:
        resolver.other_half = (component, absent_patterns(table.maps[component], component, stored))
    return resolver.resolution(), resolver.findings


class _Resolver:
    def __init__(
        self,
        rows: tuple[TableRow, ...],
        names: Names,
        stored: Mapping[str, StoredTensor],
        dialect: Dialect,
        patterns: Patterns,
        unused: Mapping[str, str],
        place: Span | None,
    ) -> None:
        self._rows = rows
        self._stored = stored
        self._dialect = dialect
        self._patterns = patterns
        self._unused = unused
        self._spans = (place,) if place else ()
        self._names = names
        self.findings: list[Diagnostic] = []
        self._misfits = Misfits(stored, dialect)
        self._missing: list[tuple[TableRow, str]] = []
        self._owned: dict[str, str] = {}
        self.other_half: tuple[str, list[str]] | None = None
        """The role, and patterns for what a whole model stores beside it."""
        self.table: WeightMap | None = None
        """The family's own, where there is one."""

    def resolution(self) -> Resolution:
        feeds, copies = self._feeds()
        computed = {
            row.address: name
            for row in self._rows
            if row.status == "computed"
            for name in self._spelt(row)
            if name in self._stored
        }
        for row in self._rows:
            if row.address in computed:
                self._owned[computed[row.address]] = row.address
                self._misfits.check_computed(row, self._stored[computed[row.address]])
        self.findings += self._misfits.findings(self._spans)
        ignored = self._ignored()
        self._unowned(ignored)
        self.findings += ignore_findings(self._patterns, ignored, self._owned, self._spans)
        return Resolution(self._dialect, feeds, tuple(copies), computed, ignored)

    def _spelt(self, row: TableRow) -> tuple[str, ...]:
        return self._names[row.address]

    def _feeds(self) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
        feeds: dict[str, tuple[str, ...]] = {}
        copies: list[tuple[str, str]] = []
        shared: dict[str, list[TableRow]] = {}
        is_stored = self._stored.__contains__
        for row in self._rows:
            if row.tied_to is not None:
                shared.setdefault(row.tied_to, []).append(row)
        for row in self._rows:
            if row.status != "loaded":
                continue
            members = [row, *shared.get(row.address, [])]
            spelt = [(member, names) for member in members for names in self._spellings(member)]
            present = [(member, names) for member, names in spelt if all(map(is_stored, names))]
            for member, names in present:
                self._owned.update(dict.fromkeys(names, member.address))
                self._misfits.check(member, names)
            if not present:
                names = self._spelt(row)
                self._missing += [(row, name) for name in names if name not in self._stored]
                self._owned.update((name, row.address) for name in names if name in self._stored)
                continue
            feeds[row.address] = present[0][1]
            copies += [(present[0][1][0], names[0]) for _, names in present[1:]]
        return feeds, copies

    def _spellings(self, row: TableRow) -> Iterator[tuple[str, ...]]:
        """The names of a row's tensors, and of whatever is the same as they are."""
        yield self._spelt(row)
        for copy in row.copies:
            yield (self._dialect.spell(copy),)

    def _ignored(self) -> dict[str, str]:
        """Stored tensors that the spec names under `ignore:`, and those the family has no use for."""
        ignored = {}
        for name in self._stored:
            if name in self._owned:
                continue
            if any(fnmatchcase(name, pattern) for pattern in self._patterns.ignore):
                ignored[name] = "named under `ignore:`"
            elif reason := self._unused.get(generalise(name)[0]):
                ignored[name] = reason
        return ignored

    def _unowned(self, ignored: Mapping[str, str]) -> None:
        """Missing and unexpected tensors: XL501 and XL502."""
        unexpected = [name for name in self._stored if name not in self._owned and name not in ignored]
        unexpected = self._without_other_half(unexpected)
        if self.table is not None:
            unexpected, stored = without_fresh(
                unexpected, self._rows, self.table, self._dialect, self._patterns
            )
            self.findings += stored
        needed: dict[str, list[TableRow]] = {}  # one stored tensor may feed several rows
        for row, wanted in self._missing:
            needed.setdefault(wanted, []).append(row)
        self._take_renamed(needed, unexpected)
        needed, untrained = without_untrained(needed, self._rows, self._patterns, self._spans)
        self.findings += untrained
        lacked = ((name, "`, `".join(row.address for row in rows)) for name, rows in needed.items())
        for name, addresses, count in folded_pairs(lacked):
            self._error(
                "XL501",
                f"the checkpoint lacks `{name}`{counted(count)}",
                (f"needed by `{addresses}`",),
                "give a complete checkpoint, or let the parameters start untrained with `fresh:`",
            )
        for name, count in folded(unexpected).items():
            self._error(
                "XL502",
                f"nothing reads `{name}`{counted(count)}",
                ("a tensor nobody reads is a part of the model that is missing here",),
                "correct the config, or name it under `ignore:` if it is not wanted",
            )

    def _take_renamed(self, needed: dict[str, list[TableRow]], unexpected: list[str]) -> None:
        """Take out of both what is needed under one name and plainly stored under another: XL504."""
        renamed = []
        for wanted, (row, *_) in list(needed.items()):
            operation = self._dialect.operation(row)
            shape = operation.stored_shapes(row.shape)[self._spelt(row).index(wanted)]
            candidates = [n for n in unexpected if self._stored[n].shape == shape]
            near = get_close_matches(wanted, candidates, n=1, cutoff=0.75)
            if near:
                renamed.append((wanted, near[0]))
                unexpected.remove(near[0])
                del needed[wanted]
        for wanted, found, count in folded_pairs(renamed):
            self._error(
                "XL504",
                f"`{wanted}` is stored as `{found}`{counted(count)}",
                ("names are matched exactly: a guess could load the wrong tensor",),
                f"rename it to `{wanted}` in the checkpoint",
            )

    def _without_other_half(self, unexpected: list[str]) -> list[str]:
        """The rest, after the half that the spec leaves out is told in one finding."""
        if self.other_half is None:
            return unexpected
        role, patterns = self.other_half
        other = [name for name in unexpected if any(fnmatchcase(name, pattern) for pattern in patterns)]
        used = [pattern for pattern in patterns if any(fnmatchcase(name, pattern) for name in other)]
        if other:
            self._error(
                "XL502",
                f"nothing reads {quoted(used)}{counted(len(other))}",
                (f"the checkpoint is of a whole model, and the spec takes its {role}",),
                f"write `ignore: {{{role}: [{', '.join(used)}]}}`",
            )
        return [name for name in unexpected if name not in other]

    def _error(self, code: str, message: str, info: tuple[str, ...] = (), help: str | None = None) -> None:
        self.findings.append(Diagnostic(code, Severity.ERROR, message, self._spans, info, help))
