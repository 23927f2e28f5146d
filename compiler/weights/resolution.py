"""A table against the names and shapes a checkpoint stores: total, or a list of what is not.

Only headers are looked at. One dialect is chosen for the whole file, from the names alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

from compiler.checkpoint.checkpoint import Checkpoint, StoredTensor
from compiler.checkpoint.findings import quoted
from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.spec import HALVES
from compiler.weights.folding import folded, folded_pairs
from compiler.weights.halves import absent_patterns
from compiler.weights.patterns import Patterns, ignore_findings, without_fresh, without_untrained
from compiler.weights.table import TableRow, WeightTable
from specs.weights import Dialect, WeightMap, generalise

FLOATING = ("float32", "float16", "bfloat16", "float64")
WHOLE = ("int64", "int32")
NO_PATTERNS = Patterns()
_KINDS = {FLOATING: "a parameter", WHOLE: "a table of numbers of rows"}


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
    dialect, problem = _dialect(table, component, rows, stored, place)
    if dialect is None:
        assert problem is not None, "no dialect without a reason"
        return None, [problem]
    unused = table.maps[component].ignored if component in table.maps else ()
    reasons = {dialect.spell(name): one.reason for one in unused for name in (one.pattern, *one.copies)}
    resolver = _Resolver(rows, stored, dialect, patterns, reasons, place)
    resolver.table = table.maps.get(component)
    if component in HALVES and component in table.maps:
        resolver.other_half = (component, absent_patterns(table.maps[component], component, stored))
    return resolver.resolution(), resolver.findings


def fitting_names(table: WeightTable, component: str, stored: Collection[str]) -> dict[Dialect, int]:
    """How many of a component's stored names a file has in each spelling.

    Spellings that give the rows the same names are one here.
    """
    rows = table.of(component)
    stated = table.maps[component].dialects if component in table.maps else (Dialect("own addresses"),)
    sources = [source for row in rows for source in (*row.sources, *row.copies)]
    dialects: dict[tuple[str, ...], Dialect] = {}
    for one in stated:
        dialects.setdefault(tuple(map(one.spell, sources)), one)
    return {
        dialect: sum(dialect.spell(source) in stored for row in rows for source in row.sources)
        for dialect in dialects.values()
    }


def _dialect(
    table: WeightTable,
    component: str,
    rows: tuple[TableRow, ...],
    stored: Mapping[str, StoredTensor],
    place: Span | None,
) -> tuple[Dialect | None, Diagnostic | None]:
    """The one spelling whose names the file has; the names it shares are counted, never guessed."""
    counts = fitting_names(table, component, stored)
    best = max(counts.values())
    wanted = next((row.sources for row in rows if row.sources and row.status != "computed"), None)
    if wanted is None:  # everything starts fresh: whatever is stored is too much, in any spelling
        return max(counts, key=lambda dialect: counts[dialect]), None
    fitting = [dialect for dialect, count in counts.items() if count == best]
    if best and len(fitting) == 1:
        return fitting[0], None
    spans = (place,) if place else ()
    if not best:
        return None, Diagnostic(
            "XL511",
            Severity.ERROR,
            "the checkpoint's names fit no known spelling of this model",
            spans,
            (f"it stores {quoted(stored)}", f"expected, for example: {quoted(wanted)}"),
            "give the checkpoint of this family, or correct `family:`",
        )
    return None, Diagnostic(
        "XL511",
        Severity.ERROR,
        "two spellings fit the checkpoint's names equally: " + " and ".join(d.name for d in fitting),
        spans,
        ("one reading is chosen for the whole file",),
    )


class _Resolver:
    def __init__(
        self,
        rows: tuple[TableRow, ...],
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
        self._names = {row.address: tuple(dialect.spell(source) for source in row.sources) for row in rows}
        self.findings: list[Diagnostic] = []
        self._misshapen: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._mistyped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
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
                self._check_computed(row, self._stored[computed[row.address]])
        self._unusable()
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
        for row in self._rows:
            if row.tied_to is not None:
                shared.setdefault(row.tied_to, []).append(row)
        for row in self._rows:
            if row.status != "loaded":
                continue
            members = [row, *shared.get(row.address, [])]
            spelt = [(member, names) for member in members for names in self._spellings(member)]
            present = [(m, names) for m, names in spelt if all(n in self._stored for n in names)]
            for member, names in present:
                self._owned.update(dict.fromkeys(names, member.address))
                self._check(member, names)
            if not present:
                self._missing += [(row, name) for name in self._spelt(row) if name not in self._stored]
                continue
            feeds[row.address] = present[0][1]
            copies += [(present[0][1][0], names[0]) for _, names in present[1:]]
        return feeds, copies

    def _spellings(self, row: TableRow) -> Iterator[tuple[str, ...]]:
        """The names of a row's tensors, and of whatever is the same as they are."""
        yield self._spelt(row)
        yield from ((self._dialect.spell(copy),) for copy in row.copies)

    def _check(self, row: TableRow, names: tuple[str, ...]) -> None:
        shapes = row.operation.stored_shapes(row.stored_shape)
        for name, shape in zip(names, shapes, strict=True):
            tensor = self._stored[name]
            self._check_tensor(tensor, tensor.shape == shape, row.address, f"needs {list(shape)}")

    def _check_computed(self, row: TableRow, tensor: StoredTensor) -> None:
        """A stored copy of a computed table may have another number of rows, and has at least one.

        One of whole numbers is of one size.
        """
        is_whole = row.dtype in WHOLE
        longer = tensor.shape[:1] if len(row.shape) > 1 and not is_whole else row.shape[:1]
        fits = bool(tensor.size) and tensor.shape == (*longer, *row.shape[1:])
        dtypes = WHOLE if is_whole else FLOATING
        self._check_tensor(tensor, fits, row.address, f"is computed as {list(row.shape)}", dtypes)

    def _check_tensor(
        self,
        tensor: StoredTensor,
        fits: bool,
        address: str,
        wanted: str,
        dtypes: tuple[str, ...] = FLOATING,
    ) -> None:
        if not fits:
            shapes = str(list(tensor.shape)), wanted
            self._misshapen.setdefault(shapes, []).append((tensor.name, address))
        elif tensor.dtype not in dtypes:
            self._mistyped.setdefault((tensor.dtype, dtypes), []).append(tensor.name)

    def _unusable(self) -> None:
        """Tensors of another shape, or of no parameter's dtype; those of many layers are one finding."""
        for (shape, wanted), pairs in self._misshapen.items():
            for name, address, count in folded_pairs(pairs):
                self._error(
                    "XL503",
                    f"`{name}` is stored as {shape}; `{address}` {wanted}{_counted(count)}",
                    (self._files(one for one, _ in pairs), "a tensor is neither cut nor repeated to fit"),
                    "correct the sizes in `config:`, or give the checkpoint they belong to",
                )
        for (dtype, dtypes), names in self._mistyped.items():
            for name, count in folded(names).items():
                self._error(
                    "XL517",
                    f"`{name}` is stored as {dtype}, which is no dtype of {_KINDS[dtypes]}{_counted(count)}",
                    (self._files(names), f"{_KINDS[dtypes]} is {', '.join(dtypes)}"),
                    "save it as one of these, where it was trained",
                )

    def _files(self, names: Iterable[str]) -> str:
        """Where stored tensors are."""
        return f"in {', '.join(dict.fromkeys(self._stored[name].file for name in names))}"

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
        """Missing and unexpected tensors; a pair that is plainly one tensor renamed is one finding."""
        unexpected = [name for name in self._stored if name not in self._owned and name not in ignored]
        unexpected = self._without_other_half(unexpected)
        if self.table is not None:
            unexpected, stored = without_fresh(
                unexpected, self._rows, self.table, self._dialect, self._patterns
            )
            self.findings += stored
        renamed = []
        needed: dict[str, list[TableRow]] = {}  # one stored tensor may feed several rows
        for row, wanted in self._missing:
            needed.setdefault(wanted, []).append(row)
        for wanted, (row, *_) in list(needed.items()):
            shape = row.operation.stored_shapes(row.shape)[self._spelt(row).index(wanted)]
            candidates = [n for n in unexpected if self._stored[n].shape == shape]
            near = get_close_matches(wanted, candidates, n=1, cutoff=0.75)
            if near:
                renamed.append((wanted, near[0]))
                unexpected.remove(near[0])
                del needed[wanted]
        for wanted, found, count in folded_pairs(renamed):
            self._error(
                "XL504",
                f"`{wanted}` is stored as `{found}`{_counted(count)}",
                ("names are matched exactly: a guess could load the wrong tensor",),
                f"rename it to `{wanted}` in the checkpoint",
            )
        needed, untrained = without_untrained(needed, self._rows, self._patterns, self._spans)
        self.findings += untrained
        lacked = ((name, "`, `".join(row.address for row in rows)) for name, rows in needed.items())
        for name, addresses, count in folded_pairs(lacked):
            self._error(
                "XL501",
                f"the checkpoint lacks `{name}`{_counted(count)}",
                (f"needed by `{addresses}`",),
                "give a complete checkpoint, or let the parameters start untrained with `fresh:`",
            )
        for name, count in folded(unexpected).items():
            self._error(
                "XL502",
                f"nothing reads `{name}`{_counted(count)}",
                ("a tensor nobody reads is a part of the model that is missing here",),
                "correct the config, or name it under `ignore:` if it is not wanted",
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
                f"nothing reads {quoted(used)}{_counted(len(other))}",
                (f"the checkpoint is of a whole model, and the spec takes its {role}",),
                f"write `ignore: {{{role}: [{', '.join(used)}]}}`",
            )
        return [name for name in unexpected if name not in other]

    def _error(self, code: str, message: str, info: tuple[str, ...] = (), help: str | None = None) -> None:
        self.findings.append(Diagnostic(code, Severity.ERROR, message, self._spans, info, help))


def _counted(count: int) -> str:
    """How many tensors a folded name stands for."""
    return f" ({count} tensors)" if count > 1 else ""
