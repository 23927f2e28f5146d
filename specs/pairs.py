"""Pairs as they are published: an encoder and a decoder of two families, in one folder with one config.json.

What such a folder states is data here, as what a family's own folder states is data of the family.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from pydantic import Field

from specs.bridges import BRIDGE
from specs.family import Family, FamilyConfig
from specs.fields import Id, Ids
from specs.halves import WHOLE_BY_ROLE
from specs.values import View
from specs.weights import Dialect, IgnoredTensor, Row, Together, WeightMap, affine, belongs

HALVES = ("encoder", "decoder")
"""The keys of a pair's config.json that hold the configs of its families."""


class PairConfig(FamilyConfig):
    """The fields of a pair's config.json that are its own: ids, where they are not the decoder's."""

    decoder_start_token_id: Id | None = Field(None, description="id decoding starts from")
    pad_token_id: Id | None = Field(None, description="id of padding")
    bos_token_id: Id | None = Field(None, description="id of the beginning of a sentence")
    eos_token_id: Id | Ids | None = Field(None, description="id, or ids, that end a sentence")


_LEAKED = {
    "feature_extractor_type": "names the published class",
    "processor_class": "names the published class",
    "tie_word_embeddings": "says nothing about the decoder, whose own config does",
    "use_cache": "decoding here always uses its cache when given one",
}
"""Fields that published files carry and that say nothing about the pair."""


@dataclass(frozen=True)
class PublishedPair:
    """One `model_type` of pairs.

    Attributes:
        name: `model_type` in config.json.
        architectures: the published class.
        reads: the roles that the encoder's own input may have.
    """

    name: str
    architectures: tuple[str, ...]
    reads: frozenset[str]
    config: type[FamilyConfig] = PairConfig
    aliases: Mapping[str, str] = field(default_factory=dict)
    leaked: Mapping[str, str] = field(default_factory=_LEAKED.copy)
    by_role: Mapping[str, frozenset[str]] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory={"is_encoder_decoder": True}.copy)


PUBLISHED_PAIRS = {
    pair.name: pair
    for pair in (
        PublishedPair("encoder-decoder", ("EncoderDecoderModel",), frozenset({"token_ids"})),
        PublishedPair(
            "speech-encoder-decoder", ("SpeechEncoderDecoderModel",), frozenset({"waveform", "features"})
        ),
        PublishedPair("vision-encoder-decoder", ("VisionEncoderDecoderModel",), frozenset({"image"})),
    )
}
"""By `model_type`."""

SWITCHES = frozenset(WHOLE_BY_ROLE)
"""Fields of a half's config that follow from the half it is."""


def has_place(family: Family, role: str) -> bool:
    """Whether published pairs take a family for that half: whole models are not told apart as encoders."""
    return role in family.halves and not (role == "encoder" and family.is_whole)


def pair_weights(halves: Mapping[str, tuple[Family, View]]) -> WeightMap:
    """The table of a pair: its families' below `encoder.` and `decoder.`, each in its own spelling."""
    rows = [*affine(BRIDGE, BRIDGE)]
    ignored: list[IgnoredTensor] = []
    spellings = []
    for role, (family, view) in halves.items():
        table, prefix = family.weights(view), family.halves[role].without_prefix
        rows += _rows(role, family, table)
        ignored += _ignored(role, family, table)
        spellings.append([one for one in table.dialects if one.without_prefix == prefix])
    dialects = tuple(_together(dict(zip(halves, chosen, strict=True))) for chosen in product(*spellings))
    return WeightMap(tuple(rows), dialects, tuple(ignored))


def _rows(role: str, family: Family, table: WeightMap) -> Iterator[Row]:
    """The rows of one side, their stored names below its role."""
    for row in table.rows:
        if belongs(row.address, role):
            sources, copies = (
                tuple(stored_below(family, role, name) for name in names)
                for names in (row.sources, row.copies)
            )
            yield replace(row, sources=sources, copies=copies)


def _ignored(role: str, family: Family, table: WeightMap) -> Iterator[IgnoredTensor]:
    for one in table.ignored:
        copies = tuple(stored_below(family, role, name) for name in one.copies)
        yield replace(one, pattern=stored_below(family, role, one.pattern), copies=copies)


def stored_below(family: Family, role: str, name: str) -> str:
    """The name of a half's tensor in the files of a pair."""
    return f"{role}.{name.removeprefix(family.halves[role].without_prefix)}"


def _together(chosen: Mapping[str, Dialect]) -> Dialect:
    """One spelling of the whole file: that of each half, below it."""
    spelt = [f"{role}: {dialect.name}" for role, dialect in chosen.items() if dialect.endings]
    parts = tuple((f"{role}.", dialect) for role, dialect in chosen.items())
    return Together("; ".join(spelt) or "published", parts=parts)
