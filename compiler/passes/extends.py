"""Pass 1: read a spec and what it extends into one document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compiler.catalogue import names
from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.diagnostics.near import near
from compiler.passes.inherited import leftovers
from compiler.reader import Document, read
from compiler.reader import Path as Address

_HELP = "run `crossloom catalogue` for the names, or give a path"

Locate = Callable[[str, Path | None], Path | None]
"""(name as written, folder of the file that wrote it) -> the file meant, or None."""


def extended(document: Document, locate: Locate, chain: tuple[Path, ...] = ()) -> Document:
    """`document` merged over the specs it extends.

    Maps merge by key, lists and scalars replace, null removes; `name` is never inherited. A missing
    or circular `extends` is an XL113 finding, and the document is then returned as it stands.
    """
    if not isinstance(document.data, dict) or not isinstance(document.data.get("extends"), str):
        return document
    written = document.data["extends"]
    place = document.locate(("extends",))
    here = Path(document.file)
    file = locate(written, here.parent)
    if file is None:
        close = near(written, names())
        help = f"did you mean `{close[0]}`?" if close else _HELP
        return _failed(document, place, f"`{written}` is neither a spec file nor in the catalogue", help)
    if file.resolve() in (*chain, here.resolve()):
        cycle = " -> ".join(str(p.name) for p in (*chain, here, file))
        return _failed(document, place, f"`extends` goes round in a circle: {cycle}", "extend another spec")
    base = extended(read(file), locate, (*chain, here.resolve()))
    if not isinstance(base.data, dict):
        reasons = [finding.message for finding in base.diagnostics] or ["it is no map of keys"]
        message = f"`{written}` is not a spec to start from: {reasons[0]}"
        return _failed(document, place, message, f"run `crossloom check {file}`")
    return _merged(base, document)


def _failed(document: Document, place: Span, message: str, help: str) -> Document:
    finding = Diagnostic(
        "XL113",
        Severity.ERROR,
        message,
        (place,),
        info=("a spec extends a file, relative to its own folder, or a catalogue name",),
        help=help,
    )
    return Document(
        document.file,
        document.text,
        document.data,
        document.values,
        document.keys,
        document.poisoned | {("extends",)},
        [*document.diagnostics, finding],
    )


def _merged(base: Document, over: Document) -> Document:
    values, keys = dict(over.values), dict(over.keys)
    inherited = dict(base.data) if isinstance(base.data, dict) else {}
    inherited.pop("name", None)
    inherited.pop("extends", None)

    found = list(leftovers(base, over))
    dropped = {path for _, paths in found for path in paths}

    def merge(lower: Any, upper: Any, path: Address) -> Any:
        if isinstance(lower, dict) and isinstance(upper, dict):
            result = {}
            for key in [*lower, *(k for k in upper if k not in lower)]:
                here = (*path, key)
                if here in dropped:
                    continue
                if key not in upper:
                    adopt(here)
                    result[key] = lower[key]
                elif upper[key] is not None:
                    result[key] = merge(lower.get(key), upper[key], here)
                elif key not in lower:
                    result[key] = None
            return result
        return upper

    def adopt(path: Address) -> None:
        depth = len(path)
        values.update((p, s) for p, s in base.values.items() if p[:depth] == path)
        keys.update((p, s) for p, s in base.keys.items() if p[:depth] == path)

    data = merge(inherited, {k: v for k, v in over.data.items() if k != "extends"}, ())
    poisoned = over.poisoned | {p for p in base.poisoned if p in values}
    return Document(
        over.file,
        over.text,
        data,
        values,
        keys,
        frozenset(poisoned),
        [*base.diagnostics, *over.diagnostics, *(finding for finding, _ in found)],
    )
