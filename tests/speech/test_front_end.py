"""Waveforms against the public feature extractor, and its files in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import Wav2Vec2FeatureExtractor

import crossloom
from tests.parity.cases import difference
from tests.speech.oracle import FAMILIES, save

LENGTHS = (900, 533, 400)


def recordings() -> list[Tensor]:
    """Three, of different lengths, levels and offsets, the last one silent."""
    generator = torch.Generator().manual_seed(0)
    rows = [0.1 * torch.randn(n, generator=generator) + 0.05 for n in LENGTHS]
    rows[-1].zero_()
    return rows


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("with_mask", [False, True])
@pytest.mark.parametrize("padding", [0.0, 0.5])
def test_values_and_mask(tmp_path: Path, normalize: bool, with_mask: bool, padding: float) -> None:
    save("wav2vec2", 1, tmp_path)
    theirs = Wav2Vec2FeatureExtractor(
        do_normalize=normalize, return_attention_mask=with_mask, padding_value=padding
    )
    theirs.save_pretrained(tmp_path)
    spec = crossloom.import_spec(tmp_path)
    assert not crossloom.verify(spec)
    rows = recordings()
    ours = crossloom.load_processor(spec)(audio=rows, sampling_rate=16000)
    given: Any = theirs([row.numpy() for row in rows], sampling_rate=16000, padding=True, return_tensors="pt")
    assert ours.keys() == given.keys()
    assert difference(ours["input_values"], given["input_values"]) <= 1e-5
    if with_mask:
        assert torch.equal(ours["attention_mask"], given["attention_mask"].long())


@pytest.mark.parametrize("family", FAMILIES)
def test_files_are_exported_and_read_again(tmp_path: Path, family: str) -> None:
    save(family, 1, tmp_path / "first")
    settings = {"do_normalize": False, "sampling_rate": 8000, "return_attention_mask": True}
    Wav2Vec2FeatureExtractor(**settings).save_pretrained(tmp_path / "first")
    spec = crossloom.import_spec(tmp_path / "first")
    assert spec.data["processor"] == settings
    crossloom.export(crossloom.load(spec), tmp_path / "second")
    again: Any = Wav2Vec2FeatureExtractor.from_pretrained(tmp_path / "second")
    assert {name: getattr(again, name) for name in settings} == settings
    assert crossloom.import_spec(tmp_path / "second").data["processor"] == settings


def test_audio_that_gives_no_frame_is_refused(tmp_path: Path) -> None:
    save("wav2vec2", 1, tmp_path)
    spec = crossloom.import_spec(tmp_path)
    least = crossloom.lower(spec).minimums["samples"]
    processor = crossloom.load_processor(spec)
    with pytest.raises(crossloom.CrossloomError) as refused:
        processor(audio=torch.zeros(least - 1), sampling_rate=16000)
    assert [d.code for d in refused.value.diagnostics] == ["XL412"]
    processor(audio=torch.ones(least), sampling_rate=16000)


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    save("wav2vec2", 1, tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalise": True}))
    with pytest.raises(crossloom.CrossloomError) as refused:
        crossloom.import_spec(tmp_path)
    assert [d.code for d in refused.value.diagnostics] == ["XL115"]
