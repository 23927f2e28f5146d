"""Which checkpoint feeds which part of a spec."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import crossloom
from tests.weights.conftest import TIED, Spoilt


def test_a_checkpoint_for_a_part_the_spec_does_not_have(spoil: Callable[[int], Spoilt]) -> None:
    sound = spoil(TIED)
    with pytest.raises(crossloom.CrossloomError) as raised:
        crossloom.load(sound.spec, {"model": sound.folder, "bogus": sound.folder})
    (finding,) = raised.value.diagnostics
    assert finding.code == "XL514"
    assert "`bogus`" in finding.message
    assert finding.info == ("its parts are `model`",)
