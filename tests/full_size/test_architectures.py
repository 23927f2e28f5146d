"""One checkpoint at its real size, for the class that has all of its parts and for those that have some."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from pathlib import Path

import pytest

import crossloom
from compiler.checkpoint.resolve import resolve
from compiler.verifying.checkpoint import Verified, verify_component
from tests.full_size.published import folder_of, key_lists, write_header

NAME = "seamless-m4t-v2-large"
STORED, BYTES = 2232, 9_236_998_676
PARAMETERS = {
    NAME: 2_309_249_669,
    f"{NAME}-text-to-text": 1_370_531_840,
    f"{NAME}-speech-to-text": 1_501_842_240,
    f"{NAME}-text-to-speech": 1_674_202_949,
    f"{NAME}-speech-to-speech": 1_805_513_349,
}
"""Of each entry of the catalogue, a tied one counted once."""
LEFT_ALONE = {
    NAME: {},
    f"{NAME}-text-to-text": {"speech encoder": 802, "unit model": 210, "vocoder": 207},
    f"{NAME}-speech-to-text": {"text encoder": 386, "unit model": 210, "vocoder": 207},
    f"{NAME}-text-to-speech": {"speech encoder": 802},
    f"{NAME}-speech-to-speech": {"text encoder": 386},
}
"""Stored tensors of the parts that a class does without."""

TOLD = {name: [("warning", "XL422")] for name in PARAMETERS if not name.endswith("-text")}
"""Of the classes that speak: the tables that say how tokens are spelt are too long to be kept here."""

each = pytest.mark.parametrize("name", PARAMETERS)


@each
def test_parameters(name: str) -> None:
    graph = crossloom.lower(crossloom.load_spec(name))
    tied = {tie.tied for tie in graph.ties}
    shapes = {address: shape for address, shape in graph.parameters().items() if address not in tied}
    assert sum(map(math.prod, shapes.values())) == PARAMETERS[name]


@each
@pytest.mark.parametrize("label", key_lists(NAME))
def test_every_stored_tensor_is_read_or_left_alone(name: str, label: str, tmp_path: Path) -> None:
    keys = key_lists(NAME)[label]
    found = _verified(name, label, tmp_path)
    assert [(one.severity.value, one.code) for one in found.diagnostics] == TOLD.get(name, [])
    assert found.resolution is not None
    fed = [source for sources in found.resolution.feeds.values() for source in sources]
    copies = [copy for _, copy in found.resolution.copies]
    ignored = found.resolution.ignored
    assert sorted([*fed, *copies, *ignored]) == sorted(keys), "each exactly once"
    reasons = Counter(reason.partition(" has no ")[2] for reason in ignored.values())
    if len(keys) == STORED:
        assert copies == []
        assert reasons == LEFT_ALONE[name]
        assert sum(4 * math.prod(shape) for shape, _ in keys.values()) == BYTES
    else:
        assert len(copies) + len(ignored) == len(keys) - len(fed)


def _verified(name: str, label: str, folder: Path) -> Verified:
    """The published checkpoint, its data a hole, against an entry of the catalogue."""
    checkpoint = shutil.copytree(folder_of(NAME), folder / NAME)
    write_header(key_lists(NAME)[label], checkpoint / "model.safetensors")
    spec = crossloom.load_spec(name)
    return verify_component(spec, crossloom.weight_table(spec), "model", resolve(checkpoint))
