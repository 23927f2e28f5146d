"""Encoders of audio beside text decoders, against the public pair of speech and text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import SpeechEncoderDecoderModel

import crossloom
from tests import oracle as features
from tests.pairs import oracle
from tests.pairs.cases import joined
from tests.parity.cases import LOGITS, difference
from tests.speech import oracle as waveforms

ENCODERS = ("speech_to_text", *waveforms.FAMILIES)


@cache
def encoder_of(family: str, seed: int) -> tuple[Any, Path, dict[str, Tensor]]:
    """A public encoder, the folder it is stored in, and a padded batch for it; treat them as read-only."""
    folder = Path(mkdtemp())
    if family == "speech_to_text":
        whole = features.random_model(seed)
        features.save(whole, folder)
        batch = features.random_batch(whole.config, seed)
        return (
            whole.model.encoder,
            folder,
            {name: batch[name] for name in ("input_features", "attention_mask")},
        )
    model = waveforms.save(family, seed, folder)
    values, mask = waveforms.random_audio(seed)
    return model, folder, {"input_values": values, "attention_mask": mask}


@cache
def decoder_of(family: str, seed: int) -> tuple[Any, Path]:
    """A public decoder, and the folder it is stored in."""
    half, folder = oracle.random_half("decoder", family, seed), Path(mkdtemp())
    half.save_pretrained(folder)
    return half, folder


def public_pair(encoder: Any, half: Any) -> Any:
    """The public pair. It sizes its projection by the width that an adapter was given, not what it gives."""
    theirs: Any = SpeechEncoderDecoderModel(encoder=encoder, decoder=half).eval()
    theirs.config.decoder_start_token_id = half.config.decoder_start_token_id
    theirs.config.pad_token_id = half.config.pad_token_id
    if hasattr(theirs, "enc_to_dec_proj"):
        width = getattr(encoder.config, "output_hidden_size", None) or encoder.config.hidden_size
        if width != encoder.config.hidden_size:
            assert theirs.enc_to_dec_proj.in_features == encoder.config.hidden_size, "no longer as it was"
            theirs.enc_to_dec_proj = nn.Linear(width, theirs.enc_to_dec_proj.out_features)
        features.spread(theirs.enc_to_dec_proj)
    return theirs


@pytest.mark.parametrize("encoder", ["data2vec-audio", "wav2vec2", "wav2vec2-conformer", "wavlm"])
def test_an_adapter_of_another_width_is_bridged_as_wide_as_it_is(encoder: str, tmp_path: Path) -> None:
    """The public pair is sized by the width before the adapter, and cannot run; ours can, and says so."""
    speech = waveforms.save(encoder, 2, tmp_path, add_adapter=True, output_hidden_size=10)
    half, folder = decoder_of("bert", 2)
    theirs: Any = SpeechEncoderDecoderModel(encoder=speech, decoder=half).eval()
    values, mask = waveforms.random_audio(2)
    target = oracle.random_target(half.config, 2)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        theirs(input_values=values, attention_mask=mask, **target)
    spec = joined({"encoder": tmp_path, "decoder": folder})
    (note,) = [finding for finding in crossloom.check(spec) if finding.code == "XL301"]
    assert note.severity.value == "info"
    assert any("the public pair" in line and str(speech.config.hidden_size) in line for line in note.info)
    ours: Any = crossloom.load(spec)
    assert ours.enc_to_dec_proj.weight.shape[1] == 10
    assert ours(input_values=values, attention_mask=mask, **target).logits.isfinite().all()
    same = waveforms.save(encoder, 2, tmp_path / "same", add_adapter=True, output_hidden_size=None)
    spec = joined({"encoder": tmp_path / "same", "decoder": folder})
    assert same.config.output_hidden_size == same.config.hidden_size
    assert not any("public pair" in line for finding in crossloom.check(spec) for line in finding.info)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", oracle.DECODERS)
@pytest.mark.parametrize("seed", oracle.SEEDS)
def test_logits_and_ids(encoder: str, decoder: str, seed: int) -> None:
    speech, first, sounds = encoder_of(encoder, seed)
    half, second = decoder_of(decoder, seed)
    theirs = public_pair(speech, half)
    ours: Any = crossloom.load(joined({"encoder": first, "decoder": second}))
    assert hasattr(ours, "enc_to_dec_proj") is hasattr(theirs, "enc_to_dec_proj")
    if hasattr(theirs, "enc_to_dec_proj"):
        ours.enc_to_dec_proj.load_state_dict(theirs.enc_to_dec_proj.state_dict())
    target = oracle.random_target(half.config, seed)
    with torch.no_grad():
        expected = theirs(**sounds, **target)
        given = ours(**sounds, **target)
    assert difference(given.logits, expected.logits) <= LOGITS
    for beams in (1, 4):
        ids, wanted = features.searched(ours, theirs, sounds, length=8, beams=beams)
        assert ids == wanted
