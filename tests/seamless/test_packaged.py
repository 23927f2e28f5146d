"""Both encoders of one model as packages, equal to its own methods."""

from __future__ import annotations

import pytest

import crossloom
from tests.compilation.test_packaged_encoders import assert_equal, by_package, encoded
from tests.seamless.conftest import Folders, Live
from tests.seamless.oracle import speech_batch, text_batch
from tests.seamless.settings import random_config

BATCHES = {"encode_speech": speech_batch, "encode_text": text_batch}
SHORT = 2
"""Frames, or ids."""


@pytest.mark.nightly
@pytest.mark.parametrize("method", BATCHES)
def test_each_encoder_is_packaged(folders: Folders, live: Live, method: str) -> None:
    packaged, eager, config = crossloom.from_pretrained(folders(0), compile="max"), live(0), random_config(0)
    short = {name: tensor[:1, :SHORT] for name, tensor in BATCHES[method](config, seed=0).items()}
    assert_equal(encoded(packaged, short), encoded(eager, short))  # what is compiled for it serves all
    for rows in (1, 2, 3):
        inputs = BATCHES[method](config, seed=rows, rows=rows)
        found = by_package(packaged, inputs, method)
        assert_equal(found, encoded(eager, inputs))
