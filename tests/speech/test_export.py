"""A lone encoder written as a folder that the public implementation reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import crossloom
from tests.oracle import stored_differently
from tests.parity.cases import LOGITS, difference
from tests.speech.oracle import CLASSES, FAMILIES, SEEDS, random_audio, save


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_an_exported_encoder_loads_complete_and_bit_equal(tmp_path: Path, family: str, seed: int) -> None:
    theirs = save(family, seed, tmp_path / "first")
    ours = crossloom.from_pretrained(tmp_path / "first")
    crossloom.export(ours, tmp_path / "second")
    assert stored_differently(tmp_path / "first", tmp_path / "second") == []
    model_class: Any = CLASSES[family][1]
    loaded, report = model_class.from_pretrained(tmp_path / "second", output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    waveform, mask = random_audio(seed)
    with torch.no_grad():
        published = loaded.eval()(waveform, attention_mask=mask).last_hidden_state
        assert torch.equal(published, theirs(waveform, attention_mask=mask).last_hidden_state)
        again = crossloom.from_pretrained(tmp_path / "second").encode(waveform, mask).hidden
        assert torch.equal(again, ours.encode(waveform, mask).hidden)
    assert difference(again, published) <= LOGITS


def test_a_tensor_that_starts_fresh_is_exported_too(tmp_path: Path) -> None:
    save("wav2vec2", 1, tmp_path / "first", mask_time_prob=0.0, mask_feature_prob=0.0)
    config = tmp_path / "first" / "config.json"
    config.write_text(config.read_text().replace('"mask_time_prob": 0.0', '"mask_time_prob": 0.05'))
    crossloom.export(crossloom.from_pretrained(tmp_path / "first"), tmp_path / "second")
    assert "masked_spec_embed" in load_file(tmp_path / "second" / "model.safetensors")
