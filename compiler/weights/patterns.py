"""What a spec and a family say of tensors by pattern, against the names that a checkpoint stores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from compiler.checkpoint.findings import quoted
from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.spec import Spec
from compiler.weights.table import TableRow
from specs.weights import Dialect, WeightMap

Spans = tuple[Span, ...]
Missing = dict[str, list[TableRow]]
"""A name that is not stored -> the rows that need it."""


@dataclass(frozen=True)
class Patterns:
    """The patterns about one checkpoint.

    Attributes:
        ignore: those of `ignore:`, with their places.
        fresh: those of `fresh:`, with their places.
        untrained: the family's own, of parameters that its checkpoints may have no tensors for.
    """

    ignore: Mapping[str, Span | None] = field(default_factory=dict)
    fresh: Mapping[str, Span | None] = field(default_factory=dict)
    untrained: tuple[str, ...] = ()


def patterns_of(spec: Spec, component: str) -> Patterns:
    """Those that a spec has for the checkpoint of a component, and those of its family."""
    ignore = getattr(spec.language.ignore, component, ())
    stated = spec.components.get(component)
    return Patterns(
        {pattern: spec.origin(f"ignore.{component}.{index}") for index, pattern in enumerate(ignore)},
        {pattern: spec.origin(f"fresh.{index}") for index, pattern in enumerate(spec.language.fresh)},
        stated.family.untrained if stated is not None else (),
    )


def without_untrained(
    needed: Missing, rows: Collection[TableRow], patterns: Patterns, spans: Spans
) -> tuple[Missing, list[Diagnostic]]:
    """The rest, after what such a checkpoint may lack altogether is told in one finding (XL501)."""
    lost = {row.address for lacking in needed.values() for row in lacking}
    wanted = [row.address for row in rows if row.status == "loaded"]
    absent = [
        pattern
        for pattern in patterns.untrained
        if (named := [one for one in wanted if fnmatchcase(one, pattern)]) and lost.issuperset(named)
    ]
    if not absent:
        return needed, []
    rest = {
        name: lacking
        for name, lacking in needed.items()
        if not any(fnmatchcase(row.address, pattern) for row in lacking for pattern in absent)
    }
    gone = [name for name in needed if name not in rest]
    listed = ", ".join(dict.fromkeys((*patterns.fresh, *absent)))
    finding = Diagnostic(
        "XL501",
        Severity.ERROR,
        f"the checkpoint has nothing for {quoted(absent)} ({len(gone)} tensors)",
        spans,
        (f"it lacks, for example, `{gone[0]}`", "a checkpoint that was trained without them is without"),
        f"let them start untrained: `fresh: [{listed}]`",
    )
    return rest, [finding]


def without_fresh(
    unexpected: list[str], rows: Collection[TableRow], table: WeightMap, dialect: Dialect, patterns: Patterns
) -> tuple[list[str], list[Diagnostic]]:
    """The rest, after what is stored for parameters that start fresh is told, once a pattern (XL502)."""
    stored: dict[str, list[str]] = {}
    for row in rows:
        found = table.find(row.address) if row.status == "fresh" else None
        pattern = next((one for one in patterns.fresh if fnmatchcase(row.address, one)), None)
        if found is not None and pattern is not None:
            spelt = dialect.names(replace(found[0], sources=found[1]))
            names = [name for name in spelt if name in unexpected]
            stored.setdefault(pattern, []).extend(names)
    findings = []
    for pattern, names in stored.items():
        if names := list(dict.fromkeys(names)):
            place = patterns.fresh[pattern]
            findings.append(
                Diagnostic(
                    "XL502",
                    Severity.ERROR,
                    f"`fresh:` names `{pattern}`, and the checkpoint stores it: {quoted(names)}",
                    (place,) if place else (),
                    ("a tensor nobody reads would be lost",),
                    "name only what is not stored, or name the tensors under `ignore:` too",
                )
            )
    told = {name for names in stored.values() for name in names}
    return [name for name in unexpected if name not in told], findings


def ignore_findings(
    patterns: Patterns, ignored: Collection[str], owned: Collection[str], spans: Spans
) -> Iterator[Diagnostic]:
    """XL518, a warning, for patterns of `ignore:` that match nothing, or what is read."""
    for pattern, place in patterns.ignore.items():
        unused = next((name for name in ignored if fnmatchcase(name, pattern)), None)
        read = next((name for name in owned if fnmatchcase(name, pattern)), None)
        if unused is not None and read is None:
            continue
        if unused is not None:
            problem = f"tensors that are read too, such as `{read}`, and would hide what is missing here"
            help = f"name what is not used, such as `{unused}`"
        else:
            problem = f"only tensors that are read, such as `{read}`" if read else "no stored tensor"
            help = "remove it, or correct its spelling"
        yield Diagnostic(
            "XL518",
            Severity.WARNING,
            f"`ignore:` names `{pattern}`, which matches {problem}",
            (place,) if place else spans,
            help=help,
        )
