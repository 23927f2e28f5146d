"""The strict reader: YAML text to plain data in which every value knows its place.

The reader never raises for a bad file. What is wrong becomes a diagnostic, the offending value is
*poisoned* (its path is listed in `Document.poisoned`, so that later passes stay silent about it),
and everything else is returned.
"""

from __future__ import annotations

from os import PathLike, fspath

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.reader.composer import compose
from compiler.reader.constructor import construct
from compiler.reader.document import Document, Path
from compiler.reader.encoding import clean, decode

__all__ = ["Document", "Path", "read", "read_bytes", "read_text", "unread"]

MAX_BYTES = 4 * 1024 * 1024
"""Larger input is refused unread: the largest catalogue spec is a few kilobytes."""


def read(path: str | PathLike[str]) -> Document:
    """Read the spec file at `path`; a file that cannot be opened is an XL117 finding."""
    file = fspath(path)
    try:
        with open(file, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL inside the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"cannot open `{file}`: {reason}"
        help = "check the path and its permissions"
        return unread(file, Diagnostic("XL117", Severity.ERROR, message, help=help))
    return read_bytes(data, file)


def read_bytes(data: bytes, file: str) -> Document:
    """Read UTF-8 bytes; `file` names them in diagnostics."""
    if len(data) > MAX_BYTES:
        message = f"`{file}` is larger than {MAX_BYTES // 1024 // 1024} MiB, which no spec is"
        help = "give the path of a spec file"
        return unread(file, Diagnostic("XL106", Severity.ERROR, message, help=help))
    text, findings = decode(data, file)
    return _read(text, file, findings)


def read_text(text: str, file: str) -> Document:
    """Read text that is already decoded; `file` names it in diagnostics (`<stdin>`)."""
    return _read(text.removeprefix("\ufeff"), file, [])


def _read(text: str, file: str, findings: list[Diagnostic]) -> Document:
    cleaned, found = clean(text, file)
    # Bytes that are not UTF-8 usually bring control characters along: one finding for both.
    findings = findings or found
    composition = compose(cleaned, file, damaged=bool(findings))
    data, values, keys, poisoned = construct(composition.root, exploded=composition.exploded)
    return Document(
        file=file,
        text=text,
        data=data,
        values=values,
        keys=keys,
        poisoned=poisoned,
        diagnostics=findings + composition.diagnostics,
    )


def unread(file: str, finding: Diagnostic) -> Document:
    """A document of which nothing could be read, for the reason that `finding` gives."""
    return Document(file, "", None, {}, {}, frozenset(), [finding])
