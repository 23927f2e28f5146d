"""Vision encoders beside text decoders, against the public pair of images and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import VisionEncoderDecoderModel

import crossloom
from tests.oracle import searched, spread
from tests.pairs import oracle as texts
from tests.pairs.cases import joined
from tests.parity.cases import LOGITS, LOSS, difference
from tests.vision.oracle import FAMILIES, random_images, random_model

SEEDS = range(3)


def pair(encoder: str, decoder: str, seed: int, root: Path) -> tuple[Any, Any]:
    """The public pair of two random halves, and ours of their folders."""
    halves = random_model(encoder, seed), texts.random_half("decoder", decoder, seed)
    theirs: Any = VisionEncoderDecoderModel(encoder=halves[0], decoder=halves[1])
    spread(theirs)
    theirs.config.decoder_start_token_id = halves[1].config.decoder_start_token_id
    theirs.config.pad_token_id = halves[1].config.pad_token_id
    theirs.encoder.save_pretrained(root / "encoder")
    theirs.decoder.save_pretrained(root / "decoder")
    ours: Any = crossloom.load(joined({"encoder": root / "encoder", "decoder": root / "decoder"}))
    if hasattr(theirs, "enc_to_dec_proj"):
        ours.enc_to_dec_proj.load_state_dict(theirs.enc_to_dec_proj.state_dict())
    return theirs, ours


@pytest.mark.parametrize("encoder", FAMILIES)
@pytest.mark.parametrize("decoder", texts.DECODERS)
@pytest.mark.parametrize("seed", SEEDS)
def test_logits_loss_and_ids(encoder: str, decoder: str, seed: int, tmp_path: Path) -> None:
    theirs, ours = pair(encoder, decoder, seed, tmp_path)
    images = random_images(theirs.config.encoder, seed)
    target = texts.random_target(theirs.config.decoder, seed)
    labels = target["decoder_input_ids"].roll(-1, 1)
    labels = labels.masked_fill(labels == theirs.config.pad_token_id, -100)
    with torch.no_grad():
        published, given = (model(pixel_values=images, **target) for model in (theirs, ours))
        assert difference(given.logits, published.logits) <= LOGITS
        losses = [float(model(pixel_values=images, labels=labels).loss) for model in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=LOSS)
    for beams in (1, 4):
        ids, expected = searched(ours, theirs, {"pixel_values": images}, length=8, beams=beams)
        assert ids == expected
