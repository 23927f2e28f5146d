"""Hidden states, masks, and every published spelling of a checkpoint, against the public implementation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2ForCTC,
    Wav2Vec2ForPreTraining,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2ForXVector,
)

import crossloom
from tests.oracle import respelt, spread
from tests.parity.cases import LOGITS, difference
from tests.speech.oracle import (
    FAMILIES,
    SEEDS,
    prefix_of,
    random_audio,
    random_settings,
    save,
    save_beside_front_end,
)

each = pytest.mark.parametrize(("family", "seed"), [(f, seed) for f in FAMILIES for seed in SEEDS])


def states(model: Any, waveform: Tensor, mask: Tensor | None) -> Tensor:
    """What the public encoder gives."""
    hidden: Tensor = model(waveform, attention_mask=mask).last_hidden_state
    return hidden


@each
def test_padded_batch(tmp_path: Path, family: str, seed: int) -> None:
    theirs, ours = save(family, seed, tmp_path), crossloom.from_pretrained(tmp_path)
    waveform, mask = random_audio(seed)
    with torch.no_grad():
        encoded = ours.encode(waveform, mask)
        assert difference(encoded.hidden, states(theirs, waveform, mask)) <= LOGITS
        unmasked = ours.encode(waveform)
        assert unmasked.mask is None
        assert difference(unmasked.hidden, states(theirs, waveform, None)) <= LOGITS
    published: Any = theirs
    expected = published._get_feature_vector_attention_mask(encoded.hidden.shape[1], mask)
    assert torch.equal(encoded.mask, expected.long())
    assert difference(unmasked.hidden, encoded.hidden) > 1e-3, "the mask has an effect to be right about"


@each
def test_a_row_that_is_all_padding_leaves_the_others_alone(tmp_path: Path, family: str, seed: int) -> None:
    """The published encoder takes it for one without padding; here it is masked whole."""
    theirs, ours = save(family, seed, tmp_path), crossloom.from_pretrained(tmp_path)
    waveform, mask = random_audio(seed)
    mask[1] = 0
    with torch.no_grad():
        encoded = ours.encode(waveform, mask)
        expected = states(theirs, waveform, mask)
    assert not encoded.mask[1].any()
    assert encoded.hidden.isfinite().all()
    assert difference(encoded.hidden[[0, 2]], expected[[0, 2]]) <= LOGITS


@each
def test_gradients_are_the_published_ones(tmp_path: Path, family: str, seed: int) -> None:
    theirs, ours = save(family, seed, tmp_path), crossloom.from_pretrained(tmp_path)
    waveform, mask = random_audio(seed)
    for hidden in (states(theirs, waveform, mask), ours.encode(waveform, mask).hidden):
        torch.autograd.backward(hidden.square().mean())
    gradients = [
        sorted(float(p.grad.norm()) for p in model.parameters() if p.grad is not None)
        for model in (ours, theirs)
    ]
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-3, abs=1e-6)


OLDER = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}


def renamed(names: dict[str, str], prefix: str = "") -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    """A checkpoint's tensors under other names."""

    def name_of(name: str) -> str:
        for old, new in names.items():
            name = name.replace(old, new)
        return prefix + name

    return lambda stored: {name_of(name): tensor for name, tensor in stored.items()}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("prefixed", [False, True])
@pytest.mark.parametrize("older", [False, True])
def test_every_spelling_is_read(tmp_path: Path, family: str, prefixed: bool, older: bool) -> None:
    theirs = save(family, 0, tmp_path)
    respelt(tmp_path, renamed(OLDER if older else {}, prefix_of(family) if prefixed else ""))
    waveform, mask = random_audio(0)
    with torch.no_grad():
        encoded = crossloom.from_pretrained(tmp_path).encode(waveform, mask)
        assert difference(encoded.hidden, states(theirs, waveform, mask)) <= LOGITS


@pytest.mark.parametrize("family", [f for f in FAMILIES if f not in ("data2vec-audio", "wav2vec2-conformer")])
@pytest.mark.parametrize("changed", OLDER)
def test_half_respelt_is_refused(tmp_path: Path, family: str, changed: str) -> None:
    """Of families that compute with a weight kept as magnitude and direction."""
    save(family, 0, tmp_path)
    respelt(tmp_path, renamed({changed: OLDER[changed]}))
    with pytest.raises(crossloom.CrossloomError) as refused:
        crossloom.from_pretrained(tmp_path)
    assert {d.code for d in refused.value.diagnostics} == {"XL511"}


HEADS = {
    "ForCTC": Wav2Vec2ForCTC,
    "ForPreTraining": Wav2Vec2ForPreTraining,
    "ForSequenceClassification": Wav2Vec2ForSequenceClassification,
    "ForXVector": Wav2Vec2ForXVector,
}


@pytest.mark.parametrize("head", HEADS)
def test_an_encoder_is_read_from_below_any_head(tmp_path: Path, head: str) -> None:
    torch.manual_seed(0)
    small = {
        "codevector_dim": 8,
        "num_codevectors_per_group": 4,
        "tdnn_dim": [6] * 5,
        "xvector_output_dim": 5,
    }
    settings = random_settings("wav2vec2", 2) | small | {"use_weighted_layer_sum": True, "add_adapter": False}
    settings.pop("output_hidden_size", None)
    model: Any = HEADS[head](Wav2Vec2Config(**settings))
    spread(model)
    save_beside_front_end(model, tmp_path)
    spec = crossloom.import_spec(tmp_path)
    assert spec.kind == "encoder"
    assert not crossloom.verify(spec)
    waveform, mask = random_audio(2)
    with torch.no_grad():
        encoded = crossloom.load(spec).encode(waveform, mask)
        assert difference(encoded.hidden, states(model.wav2vec2, waveform, mask)) <= LOGITS


def test_a_checkpoint_without_the_vector_of_hidden_positions(tmp_path: Path) -> None:
    """As published: the vector shows in training alone, so the imported spec says that it starts fresh."""
    theirs = save("wav2vec2", 1, tmp_path, mask_time_prob=0.05)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["masked_spec_embed"]
    save_file(tensors, tmp_path / "model.safetensors")
    spec = crossloom.import_spec(tmp_path)
    assert spec.data["fresh"] == ["encoder.span_masking.embedding"]
    waveform, mask = random_audio(1)
    with torch.no_grad():
        encoded = crossloom.load(spec).encode(waveform, mask)
        assert difference(encoded.hidden, states(theirs, waveform, mask)) <= LOGITS


def test_a_vector_that_nothing_hides_with_is_left_alone(tmp_path: Path) -> None:
    save("wav2vec2", 1, tmp_path, mask_time_prob=0.05)
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"mask_time_prob": 0.0, "mask_feature_prob": 0.0})
    )
    spec = crossloom.import_spec(tmp_path)
    assert not crossloom.verify(spec)
    assert "encoder.span_masking.embedding" not in {row.address for row in crossloom.weight_table(spec)}
