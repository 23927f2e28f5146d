"""The fields of a configuration are the published class's, with its defaults."""

from __future__ import annotations

import json
from typing import Any

from transformers import PreTrainedConfig, SeamlessM4Tv2Config

from specs.families.seamless_m4t_v2 import FAMILY

GENERIC = {"model_type", "id2label", "is_encoder_decoder"}
"""Fields of every configuration, which the class gives values of its own or leaves as they are."""


def own(config: PreTrainedConfig) -> dict[str, Any]:
    """What config.json states that is not of every family."""
    stated: dict[str, Any] = json.loads(json.dumps(config.to_dict()))
    shared = PreTrainedConfig().to_dict().keys()
    named = FAMILY.config.model_fields.keys()
    return {n: v for n, v in stated.items() if n not in GENERIC and (n in named or n not in shared)}


def test_every_field_has_the_published_default() -> None:
    ours, theirs = FAMILY.config().model_dump(), own(SeamlessM4Tv2Config())
    assert {name: theirs.pop(name) for name in FAMILY.leaked} == {"use_cache": True}
    assert ours == theirs


def test_every_field_is_described() -> None:
    assert [name for name, field in FAMILY.config.model_fields.items() if not field.description] == []


def test_second_names_are_the_published_ones() -> None:
    assert FAMILY.aliases == SeamlessM4Tv2Config.attribute_map


def test_what_is_inert_is_a_field() -> None:
    assert FAMILY.inert <= FAMILY.config.model_fields.keys()
