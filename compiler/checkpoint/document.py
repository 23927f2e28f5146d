"""A JSON file of a checkpoint as a document: its findings are shown in the file itself."""

from __future__ import annotations

from compiler.checkpoint.source import Source
from compiler.reader import Document, read_text


def json_document(source: Source, name: str) -> Document:
    """The object in a JSON file, with the place of every field; a source's file is read once.

    JSON is read as the flow style of YAML.

    Raises `CrossloomError`: XL514 where there is no such file, XL509 or XL516 where it is no object.
    """
    if name not in source.documents:
        source.documents[name] = _read(source, name)
    return source.documents[name]


def _read(source: Source, name: str) -> Document:
    if not source.has(name):
        raise source.missing(name)
    contents = source.read_json(name)
    text = source.read_range(name, 0, source.size(name)).decode("utf-8", errors="replace")
    document = read_text(text, source.label(name))
    if document.data == contents:
        return document
    return Document(source.label(name), text, contents, {}, {}, frozenset(), [])
