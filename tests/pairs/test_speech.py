"""A Speech2Text encoder beside text decoders, against the public pair of speech and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import SpeechEncoderDecoderModel

import crossloom
from tests import oracle as speech
from tests.pairs import oracle
from tests.pairs.cases import joined
from tests.parity.cases import LOGITS, difference


@pytest.mark.parametrize("decoder", oracle.DECODERS)
@pytest.mark.parametrize("seed", oracle.SEEDS)
def test_logits_and_ids(decoder: str, seed: int, tmp_path: Path) -> None:
    whole = speech.random_model(seed)
    half = oracle.random_half("decoder", decoder, seed)
    speech.save(whole, tmp_path / "encoder")
    half.save_pretrained(tmp_path / "decoder")
    theirs: Any = SpeechEncoderDecoderModel(encoder=whole.model.encoder, decoder=half).eval()
    theirs.config.decoder_start_token_id = half.config.decoder_start_token_id
    theirs.config.pad_token_id = half.config.pad_token_id
    spec = joined({"encoder": tmp_path / "encoder", "decoder": tmp_path / "decoder"})
    ours: Any = crossloom.load(spec)
    if hasattr(theirs, "enc_to_dec_proj"):
        oracle.spread(theirs.enc_to_dec_proj)
        ours.enc_to_dec_proj.load_state_dict(theirs.enc_to_dec_proj.state_dict())
    batch = speech.random_batch(whole.config, seed)
    sounds = {name: batch[name] for name in ("input_features", "attention_mask")}
    target = oracle.random_target(half.config, seed)
    with torch.no_grad():
        expected = theirs(**sounds, **target).logits
        assert difference(ours(**sounds, **target).logits, expected) <= LOGITS
    for beams in (1, 4):
        published = theirs.generate(**sounds, num_beams=beams, max_new_tokens=8, do_sample=False)
        ids = crossloom.generate(ours, **sounds, num_beams=beams, max_new_tokens=8)
        assert isinstance(ids, torch.Tensor)
        assert ids.tolist() == published.tolist()
