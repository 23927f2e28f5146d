"""A spec of a new combination, from an encoder and a decoder: families, or checkpoints with their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compiler.analysis import Analysis, analyse
from compiler.checkpoint.resolve import resolve, seen_from
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import CrossloomError, Severity
from compiler.diagnostics.near import near
from compiler.importing.checkpoint import import_with_report
from compiler.importing.sections import tokens_section
from compiler.importing.special_ids import special_ids
from compiler.importing.writing import analysed, filled, spec_text
from compiler.reader import read_text
from compiler.spec import HALVES, Spec
from specs.bridges import BRIDGE
from specs.families import FAMILIES, family
from specs.family import roles_of
from specs.language import VERSION

LENGTH = 200
"""The most tokens to write, where nothing else says it."""

_NEEDED = ("decoder_start", "pad")


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
    come from `tokens`, else from the decoder's config, else from its tokenizer's special tokens. Where the
    checkpoints do not limit how much is written, `LENGTH` and the decoder's positions do. The spec is to be
    written to `file`: findings are there, and it names a relative folder as seen from there.

    Raises:
        CrossloomError: what import finds of a source, and what `check` finds but for missing ids.
    """
    halves = {role: _half(sources[role], role, tokens, file) for role in HALVES}
    data = _joined(name, halves)
    analysis = analysed(filled(data))
    if analysis.graph is not None:
        untrained = [role for role in HALVES if sources[role] in FAMILIES]
        data["fresh"] = [*_everything(analysis, untrained), *data["fresh"]]
    if analysis.spec is not None:
        data["generation"] = _limited(data["generation"], analysis.spec.maximum_target)
    missing = halves["decoder"].missing or _unset(analysis)
    text = _text(filled(data), missing)
    analysis = analyse(read_text(text, file or f"{name}.yaml"))
    if any(one.severity is Severity.ERROR and one.code != "XL404" for one in analysis.diagnostics):
        raise CrossloomError(analysis.diagnostics)
    return Paired(text, analysis, missing)


@dataclass(frozen=True)
class _Half:
    """The sections that a half adds to a spec, and the ids it needs that are in no file."""

    sections: Mapping[str, Any]
    missing: tuple[str, ...] = ()


def _half(source: str, role: str, tokens: Mapping[str, int], file: str | None) -> _Half:
    """What a family or a checkpoint adds."""
    if source not in FAMILIES:
        return _imported(source, role, tokens, file)
    stated = family(source)
    is_known = role in roles_of(stated)
    ids = tokens_section(tokens, stated.config().model_dump(), role) if is_known else {}
    return _Half({role: {"family": source}, "tokens": ids})


def _joined(name: str, halves: Mapping[str, _Half]) -> dict[str, Any]:
    """The spec of two halves, what is about both of them put together."""
    encoder, decoder = (dict(halves[role].sections) for role in HALVES)
    return {
        "crossloom": VERSION,
        "name": name,
        "encoder": encoder.pop("encoder"),
        "decoder": decoder.pop("decoder"),
        "tokens": {**encoder.pop("tokens", {}), **decoder.pop("tokens", {})},
        "fresh": [*encoder.pop("fresh", []), *decoder.pop("fresh", [])],
        "ignore": {**encoder.pop("ignore", {}), **decoder.pop("ignore", {})},
        "generation": decoder.pop("generation", {}),
        **encoder,
        **decoder,
    }


def _limited(options: Mapping[str, Any], positions: int | None) -> dict[str, Any]:
    """Options that limit how much is written, the start token not counted."""
    if any(options.get(name) is not None for name in ("max_length", "max_new_tokens")):
        return dict(options)
    return {**options, "max_new_tokens": min(LENGTH, positions - 1) if positions else LENGTH}


def _unset(analysis: Analysis) -> tuple[str, ...]:
    """The ids that `check` misses, and no config has."""
    if "XL404" not in {finding.code for finding in analysis.diagnostics}:
        return ()
    config = analysis.spec.config if analysis.spec is not None else {}
    return tuple(one for one in _NEEDED if config.get(f"{one}_token_id") is None)


def _imported(source: str, role: str, tokens: Mapping[str, int], file: str | None) -> _Half:
    """What a checkpoint's import writes."""
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
    data = {name: section for name, section in spec.data.items() if name not in ("crossloom", "name")}
    part = {name: value for name, value in data[role].items() if name != "config" or value}
    data[role] = {**part, "weights": _weights(source, part["weights"], file)}
    if role == "decoder":
        further = {one: id_ for one, id_ in special.items() if spec.config.get(f"{one}_token_id") is None}
        settled = {**further, **data.get("tokens", {})}
        data["tokens"] = {one: id_ for one, id_ in settled.items() if one not in missing}
    return _Half(data, tuple(missing))


def _weights(source: str, named: str, file: str | None) -> str:
    """The checkpoint as the spec names it: a folder that was given by a relative path has one there, too."""
    is_relative = source.startswith(".") and file is not None
    return seen_from(Path(file or "").parent, source, Path()) if is_relative else named


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


def _everything(analysis: Analysis, roles: list[str]) -> list[str]:
    """Patterns for all parameters of some roles."""
    assert analysis.graph is not None, "there are parameters"
    first = dict.fromkeys(address.partition(".")[0] for address in analysis.graph.parameters())
    return [
        f"{one}.*"
        for one in first
        if one != BRIDGE and ("encoder" if one == "encoder" else "decoder") in roles
    ]


def _text(data: Mapping[str, Any], missing: tuple[str, ...]) -> str:
    """The spec as a person would begin it, with a line to fill in for every id that is missing."""
    lines = spec_text(data).splitlines()
    if missing:
        asked = [f"{one}: ...  # nothing beside the decoder says which" for one in missing]
        if "tokens:" in lines:
            place = lines.index("tokens:") + 1
            lines[place:place] = [f"  # {line}" for line in asked]
        else:
            lines += ["# tokens:", *(f"#   {line}" for line in asked)]
    return "\n".join(lines) + "\n"
