"""The config.json of a published pair: its own fields, and those of its two halves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from compiler.configuration.fields import Configuration, read_configuration, unknown_family
from compiler.diagnostics.model import CrossloomError, Diagnostic
from compiler.passes.findings import Findings
from compiler.reader import Document
from specs.families import family
from specs.family import Family
from specs.pairs import HALVES, PUBLISHED_PAIRS, SWITCHES, PublishedPair, has_place
from specs.problems import Problem
from specs.values import written

IDS = ("decoder_start", "pad", "bos", "eos")
"""The special ids of a pair, as `tokens:` names them."""


@dataclass(frozen=True)
class PairConfiguration:
    """A pair's config.json, sorted.

    Attributes:
        own: the fields beside the halves.
        families: the family of each half.
        halves: the fields of each half.
        dropped: fields that say nothing about the model -> the reason; those of a half below its role.
    """

    pair: PublishedPair
    own: Configuration
    families: Mapping[str, Family]
    halves: Mapping[str, Configuration]
    dropped: Mapping[str, str]

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Every finding, the halves' after the pair's own."""
        return [one for part in (self.own, *self.halves.values()) for one in part.findings.diagnostics]

    @property
    def has_errors(self) -> bool:
        """Whether any finding is an error."""
        return any(part.findings.has_errors for part in (self.own, *self.halves.values()))

    def ids(self) -> dict[str, Any]:
        """The special ids by their name in `tokens:`: the pair's own, else those of its decoder."""
        merged = {
            name: value
            for stated in (self.halves["decoder"].fields, self.own.fields)
            for name, value in stated.items()
            if value is not None
        }
        return {name: merged[f"{name}_token_id"] for name in IDS if f"{name}_token_id" in merged}


def is_pair(document: Document) -> bool:
    """Whether a config.json is that of a published pair."""
    return isinstance(document.data, dict) and document.data.get("model_type") in PUBLISHED_PAIRS


def read_pair(document: Document, ignore: Collection[str] = ()) -> PairConfiguration:
    """Sort the fields of a pair's config.json; those named in `ignore` are left out wherever they stand.

    Reported at their fields: what `read_configuration` does, and XL205 for switches that contradict the half
    they stand in.

    Raises:
        CrossloomError: XL103 or XL105 a half that is missing, XL110 one of an unknown family, XL205 one that
            its family cannot be.
    """
    pair = PUBLISHED_PAIRS[document.data["model_type"]]
    families = _families(document)
    rest = {name: value for name, value in document.data.items() if name not in HALVES}
    own = read_configuration(replace(document, data=rest), pair, ignore)
    halves = {role: _half(document, role, stated, ignore) for role, stated in families.items()}
    dropped = dict(own.dropped)
    for role, half in halves.items():
        dropped |= {f"{role}.{name}": reason for name, reason in half.dropped.items()}
    return PairConfiguration(pair, own, families, halves, dropped)


def half_document(document: Document, role: str) -> Document:
    """The config of one half as a document of its own, its fields in their places."""

    def below(places: Mapping[Any, Any]) -> dict[Any, Any]:
        return {place[1:]: span for place, span in places.items() if place[:1] == (role,)}

    return replace(
        document,
        data=document.data[role],
        values=below(document.values),
        keys={place: span for place, span in below(document.keys).items() if place},
        poisoned=frozenset(place[1:] for place in document.poisoned if place[:1] == (role,)),
        diagnostics=[],
    )


def _families(document: Document) -> dict[str, Family]:
    """The family of each half. Raises CrossloomError where one has none that can stand there."""
    findings = Findings(document)
    found = {}
    for role in HALVES:
        problem = _unusable(document.data, role)
        if problem is not None:
            findings.report([problem])
        else:
            found[role] = family(document.data[role]["model_type"])
    if findings.has_errors:
        raise CrossloomError(findings.diagnostics)
    return found


def _unusable(data: Mapping[str, Any], role: str) -> Problem | None:
    section = data.get(role)
    if not isinstance(section, dict):
        return Problem(
            "XL105" if section is None else "XL103",
            f"config.json has no `{role}`"
            if section is None
            else f"`{role}` is the config of a model, not {written(section)}",
            (("model_type", "this pair") if section is None else (role, "this half"),),
            info=(f"a `{data['model_type']}` is an encoder and a decoder, each with its own config",),
            help="give the config.json that the public implementation wrote",
        )
    if (unknown := unknown_family(section)) is not None:
        at = tuple((f"{role}.{address}", label) for address, label in unknown.at)
        return unknown._replace(message=f"`{role}`: {unknown.message}", at=at)
    stated = family(section["model_type"])
    if has_place(stated, role):
        return None
    what = "an encoder" if role == "encoder" else "a decoder that attends to one"
    return Problem(
        "XL205",
        f"`{stated.name}` is not published as {what}",
        ((f"{role}.model_type", "this family"),),
        info=(f"it is published as {_published_as(stated)}",),
        help=f"give a pair with another {role}",
    )


def _published_as(stated: Family) -> str:
    forms = [*(["a whole model"] if stated.is_whole else []), *(f"a lone {role}" for role in stated.halves)]
    return " and ".join(forms) or "nothing by itself"


def _half(document: Document, role: str, stated: Family, ignore: Collection[str]) -> Configuration:
    """The fields of one half; its switches follow from where it stands, and may not contradict it."""
    inner = half_document(document, role)
    switches = {name for name in SWITCHES & inner.data.keys() if name not in ignore}
    half = read_configuration(inner, stated, {*ignore, *switches})
    half.findings.report(_contradictions(inner.data, role, switches))
    dropped = dict(half.dropped) | dict.fromkeys(switches, "follows from its place in the spec")
    if role == "encoder":
        dropped |= dict.fromkeys(half.legacy, "an option of generation, and an encoder generates nothing")
    return replace(half, dropped=dropped)


def _contradictions(data: Mapping[str, Any], role: str, switches: Collection[str]) -> Iterator[Problem]:
    """XL205 for what makes another half of it: an encoder that masks, a decoder that does not attend."""
    is_decoder = role == "decoder"
    effects = {
        "is_decoder": "sees the whole text" if is_decoder else "sees no token after its own",
        "add_cross_attention": "attends to no encoder" if is_decoder else "attends to an encoder",
    }
    for name in sorted(switches & effects.keys()):
        if data[name] is not None and data[name] is not is_decoder:
            yield Problem(
                "XL205",
                f"`{name}: {written(data[name])}` makes a model that {effects[name]}, and this is the {role}",
                ((name, "contradicts its place"),),
                info=("the public implementation builds what these switches say, and not a pair then",),
                help=f"set it to {written(is_decoder)}, if the checkpoint was trained that way",
            )
