"""Labels arrive unshifted and are shifted exactly once, whatever family decodes."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import crossloom
from compiler.analysis import analyse
from compiler.reader import read_text
from specs.families import FAMILIES, family
from specs.family import roles_of
from tests.pairs.tiny import DECODERS, PAD, START, TINY, random_inputs, random_labels, tiny

IGNORED = -100
ENCODER = "bert"
WHOLE = [name for name in FAMILIES if "model" in roles_of(family(name))]
ROTATING = ("mbart",)
"""Whole families that begin with the last label, as published, and not with the start id."""


@cache
def made(name: str, is_whole: bool) -> tuple[Any, dict[str, Tensor]]:
    """A tiny model that decodes with a family, and what its encoder reads."""
    if is_whole:
        fields = TINY[name](8)
        text = f"crossloom: 1\nname: tiny\nmodel: {{family: {name}, config: {fields!r}}}\n"
        text = text.replace("None", "null").replace("'", '"')
    else:
        text = tiny(ENCODER, name)
    spec, graph = analyse(read_text(text, "tiny.yaml")).sound()
    return crossloom.build(spec, seed=1).eval(), random_inputs(graph)


CASES = [(name, False) for name in DECODERS] + [(name, True) for name in WHOLE]


@pytest.fixture(params=CASES, ids=[f"{name}{' whole' if whole else ''}" for name, whole in CASES])
def case(request: pytest.FixtureRequest) -> tuple[str, bool]:
    chosen: tuple[str, bool] = request.param
    return chosen


def shifted_once(labels: Tensor, rotates: bool) -> Tensor:
    """What the decoder reads: the id before each label, a row at a time."""
    rows = []
    for row in labels.tolist():
        ids = [PAD if label == IGNORED else label for label in row]
        first = [label for label in ids if label != PAD][-1] if rotates else START
        rows.append([first, *ids[:-1]])
    return torch.tensor(rows)


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)


def test_the_decoder_reads_each_label_one_step_late(case: tuple[str, bool]) -> None:
    model, given = made(*case)
    labels = random_labels()
    read = shifted_once(labels, case[1] and case[0] in ROTATING)
    with torch.no_grad():
        ours = model(**given, labels=labels)
        expected = model(**given, decoder_input_ids=read).logits
        unshifted = model(**given, decoder_input_ids=labels.masked_fill(labels == IGNORED, PAD)).logits
        twice = model(**given, decoder_input_ids=shifted_once(read, rotates=False)).logits
    torch.testing.assert_close(ours.logits, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(ours.loss, loss_of(expected, labels), rtol=1e-6, atol=0)
    for wrong in (unshifted, twice):
        assert (wrong - expected).abs().max() > 1e-3


def test_with_ids_and_labels_nothing_is_shifted(case: tuple[str, bool]) -> None:
    model, given = made(*case)
    labels = random_labels()
    ids = torch.randint(4, 23, labels.shape, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        both = model(**given, decoder_input_ids=ids, labels=labels)
        alone = model(**given, decoder_input_ids=ids).logits
    torch.testing.assert_close(both.logits, alone, rtol=0, atol=1e-6)
    torch.testing.assert_close(both.loss, loss_of(alone, labels), rtol=1e-6, atol=0)
