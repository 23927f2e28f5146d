"""Where dropout is, field by field: at a rate of 1 it leaves zeros, and what is left can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from tests.pairs import oracle
from tests.pairs.test_halves import HALVES, outputs
from tests.parity.cases import LOGITS, difference
from tests.speech import oracle as speech
from tests.vision import oracle as vision

SEED = 1
DRAWN = ("drop_path_rate", "layerdrop", "mask_feature_prob", "mask_time_prob")
"""Rates that do more than leave zeros; they are off here."""


def rates(config: Any) -> dict[str, float]:
    """The rates of training in a configuration, all off."""
    words = ("drop", "mask_feature_prob", "mask_time_prob")
    return {
        name: 0.0
        for name, value in config.to_dict().items()
        if isinstance(value, float) and any(word in name for word in words)
    }


def made(role: oracle.Role, family: str, **changes: Any) -> Any:
    """The published half of a family, with some fields otherwise."""
    if family in speech.CLASSES:
        return speech.random_model(family, SEED, **changes)
    if family in vision.CLASSES:
        return vision.random_model(family, SEED, **changes)
    return oracle.random_half(role, family, SEED, **changes)


def states(role: oracle.Role, family: str, theirs: Any, ours: Any) -> tuple[Tensor, Tensor]:
    """What both give for the same input."""
    if family in speech.CLASSES:
        audio, mask = speech.random_audio(SEED)
        return ours.encode(audio, mask).hidden, theirs(audio, mask).last_hidden_state
    if family in vision.CLASSES:
        images = vision.random_images(theirs.config, SEED)
        return ours.encode(images).hidden, theirs(images).last_hidden_state
    return outputs(role, theirs, ours, SEED)


@pytest.mark.parametrize(
    ("role", "family"), [*HALVES, *(("encoder", name) for name in (*speech.FAMILIES, *vision.FAMILIES))]
)
@torch.no_grad()
def test_every_rate_is_where_it_is_published(role: oracle.Role, family: str, tmp_path: Path) -> None:
    off = rates(made(role, family).config)
    for name in [None, *(name for name in off if name not in DRAWN)]:
        theirs = made(role, family, **{**off, **({} if name is None else {name: 1.0})})
        folder = tmp_path / str(name)
        if family in speech.CLASSES:
            speech.save_beside_front_end(theirs, folder)
        else:
            theirs.save_pretrained(folder)
        ours: Any = crossloom.load(crossloom.import_spec(folder, role=role))
        found, expected = states(role, family, theirs.train(), ours.train())
        assert difference(found, expected) <= LOGITS, name
