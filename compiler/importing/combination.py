"""A spec of a new combination, from an encoder and a decoder: families, or checkpoints with their files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import yaml

from compiler.analysis import Analysis, analyse
from compiler.checkpoint.resolve import resolve
from compiler.checkpoint.source import Source
from compiler.configuration.processing import file_bytes
from compiler.diagnostics.model import CrossloomError, Severity
from compiler.diagnostics.near import near
from compiler.importing.checkpoint import import_with_report
from compiler.importing.sections import tokens_section
from compiler.reader import read_text
from compiler.spec import HALVES, Spec
from specs.families import FAMILIES, family
from specs.family import roles_of
from specs.language import VERSION
from specs.pairs import BRIDGE

_NEEDED = ("decoder_start", "pad")
_MEANT = {
    "decoder_start": ("bos_token", "cls_token"),
    "pad": ("pad_token",),
    "bos": ("bos_token", "cls_token"),
    "eos": ("eos_token", "sep_token"),
}
"""Purpose of an id -> the special tokens that stand for it, the first that a tokenizer has."""


@dataclass(frozen=True)
class Paired:
    """The text of a new spec, what `check` says of it, and the ids that nothing settles."""

    text: str
    analysis: Analysis
    missing: tuple[str, ...]


def paired(
    name: str, sources: Mapping[str, str], tokens: Mapping[str, int], file: str | None = None
) -> Paired:
    """The spec of an encoder and a decoder, by role a family's name, a folder or a repository.

    What a checkpoint has no tensors for is named under `fresh:`, what it has beside under `ignore:`. Ids
    come from `tokens`, else from the decoder's config, else from its tokenizer's special tokens.
    Findings are in `file`, by default of the spec's name.

    Raises:
        CrossloomError: what import finds of a source, and what `check` finds but for missing ids.
    """
    data: dict[str, Any] = {"crossloom": VERSION, "name": name}
    more: dict[str, Any] = {"tokens": dict(tokens), "fresh": [], "ignore": {}}
    missing: tuple[str, ...] = ()
    for role in HALVES:
        if sources[role] in FAMILIES:
            data[role] = {"family": sources[role]}
            if role in roles_of(family(sources[role])):
                defaults = family(sources[role]).config().model_dump()
                more["tokens"] |= tokens_section(tokens, defaults, role)
            continue
        half, lacking = _imported(sources[role], role, tokens)
        missing = lacking or missing
        section = dict(half.pop(role))
        data[role] = {key: value for key, value in section.items() if key != "config" or value}
        more["tokens"] |= {**half.pop("tokens", {}), **tokens}
        more["fresh"] += half.pop("fresh", [])
        more["ignore"] |= half.pop("ignore", {})
        data |= {key: value for key, value in half.items() if key not in data}
    analysis = _analysed({**data, **_filled(more)})
    if analysis.graph is not None:
        untrained = [role for role in HALVES if sources[role] in FAMILIES]
        more["fresh"] = [*_everything(analysis, untrained), *more["fresh"]]
    if "XL404" in {finding.code for finding in analysis.diagnostics} and not missing:
        config = analysis.spec.config if analysis.spec is not None else {}
        missing = tuple(one for one in _NEEDED if config.get(f"{one}_token_id") is None)
    text = _text({**data, **_filled(more)}, missing)
    analysis = analyse(read_text(text, file or f"{name}.yaml"))
    errors = {finding.code for finding in analysis.diagnostics if finding.severity is Severity.ERROR}
    if errors - {"XL404"} or (errors and not missing):
        raise CrossloomError(analysis.diagnostics)
    return Paired(text, analysis, missing)


def _imported(source: str, role: str, tokens: Mapping[str, int]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a half's import writes, and the ids it needs that are in no file."""
    given = dict(tokens) if role == "decoder" else {}
    opened = _opened(source)
    special = special_ids(opened) if role == "decoder" else {}
    missing: list[str] = []
    spec: Spec | None = None
    while spec is None:
        try:
            spec = import_with_report(opened, role, (), given).spec
        except CrossloomError as error:
            open_ids = [one for one in _NEEDED if one not in given]
            if not open_ids or "XL404" not in {one.code for one in error.diagnostics}:
                raise
            found = open_ids[0]
            if found not in special:
                missing.append(found)
            given[found] = special.get(found, 0)
    data = dict(spec.data)
    for key in ("crossloom", "name"):
        del data[key]
    if role == "decoder":
        further = {one: id_ for one, id_ in special.items() if spec.config.get(f"{one}_token_id") is None}
        settled = {**further, **data.get("tokens", {})}
        data["tokens"] = {one: id_ for one, id_ in settled.items() if one not in missing}
    return data, tuple(missing)


def _opened(source: str) -> Source:
    """The folder or repository. Where there is none, it may have been meant for a family's name."""
    try:
        opened = resolve(source)
        opened.has("config.json")  # the Hub is asked now
        return opened
    except CrossloomError as error:
        close = near(source, FAMILIES, most=1)
        if "/" in source or not close:
            raise
        meant = f"did you mean the family `{close[0]}`?"
        told = [replace(one, help=f"{meant} if not, {one.help}") for one in error.diagnostics]
        raise CrossloomError(told) from None


def special_ids(source: Source) -> dict[str, int]:
    """The ids of a tokenizer's special tokens by purpose, as far as its files tell them."""
    named: dict[str, str] = {}
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        for name, token in _json(source, file).items():
            text = token.get("content") if isinstance(token, dict) else token
            if isinstance(text, str):
                named.setdefault(name, text)
    ids = _ids(source)
    found = {}
    for purpose, names in _MEANT.items():
        token = next((named[name] for name in names if named.get(name) in ids), None)
        if token is not None:
            found[purpose] = ids[token]
    return found


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


def _everything(analysis: Analysis, roles: list[str]) -> list[str]:
    """Patterns for all parameters of some roles."""
    assert analysis.graph is not None, "there are parameters"
    first = dict.fromkeys(address.partition(".")[0] for address in analysis.graph.parameters())
    return [
        f"{one}.*"
        for one in first
        if one != BRIDGE and ("encoder" if one == "encoder" else "decoder") in roles
    ]


def _filled(sections: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in sections.items() if value}


def _analysed(data: Mapping[str, Any]) -> Analysis:
    return analyse(read_text(_text(data, ()), f"{data['name']}.yaml"))


def _text(data: Mapping[str, Any], missing: tuple[str, ...]) -> str:
    """The spec as a person would begin it, with a line to fill in for every id that is missing."""
    lines = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=100).splitlines()
    if missing:
        asked = [f"{one}: ...  # nothing beside the decoder says which" for one in missing]
        if "tokens:" in lines:
            place = lines.index("tokens:") + 1
            lines[place:place] = [f"  # {line}" for line in asked]
        else:
            lines += ["# tokens:", *(f"#   {line}" for line in asked)]
    return "\n".join(lines) + "\n"
