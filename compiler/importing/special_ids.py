"""The ids of special tokens, as a tokenizer's files tell them."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from compiler.checkpoint.source import Source
from compiler.configuration.processing import file_bytes
from specs.families import FAMILIES, family
from specs.family import tokenizer_of

_MEANT = {
    "decoder_start": ("bos_token", "cls_token"),
    "pad": ("pad_token",),
    "bos": ("bos_token", "cls_token"),
    "eos": ("eos_token", "sep_token"),
}
"""Purpose of an id -> the special tokens that stand for it, the first that a tokenizer has."""


def special_ids(source: Source) -> dict[str, int]:
    """The ids of a tokenizer's special tokens by purpose, as far as a checkpoint's files tell them.

    What these do not name is named as by default in its family.
    """
    named: dict[str, str] = {}
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        for name, token in _json(source, file).items():
            text = token.get("content") if isinstance(token, dict) else token
            if isinstance(text, str):
                named.setdefault(name, text)
    named = {**_usual(source), **named}
    ids = _ids(source)
    found = {}
    for purpose, names in _MEANT.items():
        token = next((named[name] for name in names if named.get(name) in ids), None)
        if token is not None:
            found[purpose] = ids[token]
    return found


def _usual(source: Source) -> dict[str, str]:
    """The special tokens of the family's published tokenizer, by name."""
    name = _json(source, "config.json").get("model_type")
    stated = tokenizer_of(family(name)) if name in FAMILIES else None
    if stated is None:
        return {}
    fields = stated.section.model_fields.items()
    return {
        name: field.default
        for name, field in fields
        if name.endswith("_token") and isinstance(field.default, str)
    }


def _ids(source: Source) -> dict[str, int]:
    """Token -> id of whatever files of a vocabulary lie there."""
    ids: dict[str, int] = {}
    if source.has("vocab.txt"):
        lines = file_bytes(source, "vocab.txt").decode("utf-8", errors="replace").split("\n")
        ids |= {line.rstrip("\r"): index for index, line in enumerate(lines)}
    ids |= {token: id_ for token, id_ in _json(source, "vocab.json").items() if isinstance(id_, int)}
    for added in _json(source, "tokenizer.json").get("added_tokens") or []:
        if isinstance(added, dict) and isinstance(added.get("id"), int):
            ids[str(added.get("content"))] = added["id"]
    return ids


def _json(source: Source, name: str) -> dict[str, Any]:
    """The object in a file; nothing where there is none, for the files are read again where they count."""
    if source.has(name):
        with suppress(ValueError):
            read = json.loads(file_bytes(source, name))
            return read if isinstance(read, dict) else {}
    return {}
