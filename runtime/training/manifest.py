"""Training rows: a source, the text to write, and where each row was read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity, Span
from compiler.diagnostics.near import near
from runtime.failures import failure
from specs.counts import counted

FIELDS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "audio": ("audio", (str, PathLike)),
    "image": ("image", (str, PathLike)),
    "text": ("source", (str,)),
}
"""What a model takes -> the field of a row that gives it, and its types; a path unless it is a text."""

_EXAMPLES = {
    "audio": '{"audio": "recordings/1.wav", "text": "three one four"}',
    "image": '{"image": "pictures/1.png", "text": "a cat on a chair"}',
    "text": '{"source": "drei eins vier", "text": "three one four"}',
}


@dataclass(frozen=True, slots=True)
class Row:
    """One example: the path of a recording or a picture, or a source text; and the text to write."""

    source: Path | str
    text: str
    kind: str
    """What the source is, of `FIELDS`."""
    place: Span | int
    """Where the row was read: its line in a manifest, or its index among rows given as dicts."""

    def within(self, folder: Path) -> Row:
        """The row with a relative path begun at a folder."""
        return replace(self, source=folder / self.source) if isinstance(self.source, Path) else self

    def finding(self, message: str, *, help: str | None = None, info: tuple[str, ...] = ()) -> Diagnostic:
        """XL420 at this row."""
        return _finding(self.place, message, help=help, info=info)


def read_rows(
    rows: str | PathLike[str] | Iterable[Mapping[str, Any]], kinds: Sequence[str] = ("audio",)
) -> list[Row]:
    """Rows from a JSON-lines manifest, or from dicts of the same form.

    A manifest holds one object a line: `{"audio": "path", "text": "words"}`, or `image` with a path, or
    `source` with a text, whichever of these `kinds` the model takes; all rows are of one kind. A relative
    path starts at the manifest's folder; in dicts, at the working directory. Empty lines are passed over.

    Raises:
        CrossloomError: XL117 manifest cannot be opened; XL420 for every unusable row, with file and line.
    """
    if isinstance(rows, (str, PathLike)):
        path = Path(rows)
        lines = enumerate(_read_lines(path), 1)
        parsed = [_parse_line(path, number, line, kinds) for number, line in lines if line.strip()]
        source, folder = f"the manifest {str(path)!r}", path.parent
    else:
        parsed = [_parse_row(list(row.items()), index, kinds) for index, row in enumerate(rows)]
        source, folder = "`rows`", Path()
    if not parsed:
        raise failure("XL420", f"{source} holds no rows", help=_example(kinds[0]))
    findings = [row for row in parsed if isinstance(row, Diagnostic)]
    found = [row for row in parsed if isinstance(row, Row)]
    found = [
        replace(row, source=folder / row.source) if isinstance(row.source, Path) else row for row in found
    ]
    absent = [row for row in found if isinstance(row.source, Path) and not row.source.is_file()]
    where = "the manifest's folder" if isinstance(rows, (str, PathLike)) else "the working directory"
    help = f"check the path; a relative one starts at {where}"
    findings += [row.finding(f"there is no file {str(row.source)!r}", help=help) for row in absent]
    findings += [
        row.finding(
            f"the row gives `{FIELDS[row.kind][0]}`, and those before it `{FIELDS[found[0].kind][0]}`",
            help="train with one kind of rows at a time",
        )
        for row in found
        if row.kind != found[0].kind
    ]
    if findings:
        raise CrossloomError(_once(sorted(findings, key=_order)))
    return found


def _once(findings: list[Diagnostic]) -> list[Diagnostic]:
    """Findings in order, what is wrong with many rows of a manifest told at the first of them."""
    rows: dict[object, list[Diagnostic]] = {}
    for finding in findings:
        rows.setdefault((finding.message, finding.help), []).append(finding)
    return [
        first if not more else replace(first, info=(*first.info, f"and in {_more(more)}"))
        for first, *more in rows.values()
    ]


def _more(findings: list[Diagnostic]) -> str:
    last = findings[-1].spans[0].line if findings[-1].spans else None
    return counted(len(findings), "more row") + ("" if last is None else f", the last at line {last}")


def _read_lines(path: Path) -> list[str]:
    try:
        # Not `splitlines`: it would also cut at a line separator within a JSON string.
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        message = f"the manifest {str(path)!r} cannot be read: {reason}"
        raise failure("XL117", message, help="check the path") from None


def _parse_line(path: Path, number: int, line: str, kinds: Sequence[str]) -> Row | Diagnostic:
    place = Span(str(path), number, 1, number, len(line) + 1)
    try:
        fields = json.loads(line, object_pairs_hook=_Fields)
    except json.JSONDecodeError as error:
        at = Span(str(path), number, error.colno, number, error.colno + 1)
        return _finding(at, f"the line is not JSON: {error.msg}", help=_example(kinds[0]))
    if not isinstance(fields, _Fields):
        return _finding(place, f"the line holds {_kind(fields)}, not an object", help=_example(kinds[0]))
    return _parse_row(fields, place, kinds)


class _Fields(list[tuple[str, Any]]):
    """The names and values of a JSON object, in which a name may stand twice."""


def _parse_row(fields: list[tuple[str, Any]], place: Span | int, kinds: Sequence[str]) -> Row | Diagnostic:
    row = dict(fields)
    takes = next((kind for kind in kinds if FIELDS[kind][0] in row), kinds[0])
    given, types = FIELDS[takes]
    known: dict[str, tuple[type, ...]] = {given: types, "text": (str,)}
    for name, count in Counter(name for name, _ in fields).items():
        if name not in known:
            close = near(name, known, most=1)
            if name in {of for of, _ in FIELDS.values()}:
                help = f"the model takes `{given}`; {_example(takes)}"
            elif close:
                help = f"did you mean `{close[0]}`?"
            else:
                help = f"a row has the fields {' and '.join(known)}"
            return _finding(place, f"unknown field `{name}`", help=help)
        if count > 1:
            return _finding(place, f"the field `{name}` stands {count} times", help="keep one of them")
    for name, types in known.items():
        if name not in row:
            return _finding(place, f"the row has no `{name}`", help=_example(takes))
        if not isinstance(row[name], types):
            return _finding(place, f"`{name}` is {_kind(row[name])}, not a string", help=_example(takes))
    for name in ("text", given) if takes == "text" else ("text",):
        if not row[name].strip():
            help = "a row without words teaches nothing; remove it"
            return _finding(place, f"`{name}` is empty", help=help)
    return Row(row[given] if takes == "text" else Path(row[given]), row["text"], takes, place)


def _example(takes: str) -> str:
    return f"a row looks like {_EXAMPLES[takes]}"


def _finding(
    place: Span | int, message: str, *, help: str | None = None, info: tuple[str, ...] = ()
) -> Diagnostic:
    if isinstance(place, Span):
        return Diagnostic("XL420", Severity.ERROR, message, (place,), info, help)
    return Diagnostic("XL420", Severity.ERROR, f"row {place}: {message}", (), info, help)


def _order(finding: Diagnostic) -> tuple[int, int]:
    return (finding.spans[0].line, finding.spans[0].column) if finding.spans else (0, 0)


def _kind(value: Any) -> str:
    names = {_Fields: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else type(value).__name__)
