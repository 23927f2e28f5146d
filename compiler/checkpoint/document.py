"""A JSON file of a checkpoint as a document: its findings are shown in the file itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace

from compiler.checkpoint.source import Source
from compiler.reader import Document, read_text


def json_document(source: Source, name: str, without: Collection[str] = ()) -> Document:
    """The object in a JSON file, with the place of every field; a source's file is read once.

    JSON is read as the flow style of YAML. `without` are fields of it that may hold more than is worth
    placing: the document has their places and no values.

    Raises `CrossloomError`: XL514 where there is no such file, XL509 or XL516 where it is no object.
    """
    key = " without ".join((name, *sorted(without)))
    if key not in source.documents:
        source.documents[key] = _read(source, name, without)
    return source.documents[key]


def _read(source: Source, name: str, without: Collection[str]) -> Document:
    if not source.has(name):
        raise source.missing(name)
    contents = source.read_json(name)
    text = source.read_range(name, 0, source.size(name)).decode("utf-8", errors="replace")
    if without:
        text = _emptied(text, without)
        contents = {field: {} if field in without else value for field, value in contents.items()}
    document = read_text(text, source.label(name))
    left = {field: value for field, value in contents.items() if field not in without}
    if document.data == contents:
        return replace(document, data=left)
    return Document(source.label(name), text, left, {}, {}, frozenset(), [])


def _emptied(text: str, names: Collection[str]) -> str:
    """The JSON object with `{}` for the values of some fields, and blanks that keep the others in place."""
    parts, last = [], 0
    for name, start, end in _fields(text):
        if name in names:
            lines = text[start:end].split("\n")
            blank = "\n" * (len(lines) - 1) + " " * len(lines[-1])
            parts += [text[last:start], "{}", blank.removeprefix("  ")]
            last = end
    return "".join([*parts, text[last:]])


def _fields(text: str) -> Iterator[tuple[str, int, int]]:
    """The fields of a JSON object that can be read: name, and where its value begins and ends."""
    decoder, at = json.JSONDecoder(), text.index("{") + 1
    while text[at := _after(text, at, " \t\n\r,")] == '"':
        name, at = decoder.raw_decode(text, at)
        start = _after(text, at, " \t\n\r:")
        _, at = decoder.raw_decode(text, start)
        yield name, start, at


def _after(text: str, at: int, passed: str) -> int:
    """The first place from `at` on that is none of some letters."""
    while text[at] in passed:
        at += 1
    return at
