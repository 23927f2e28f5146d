"""Text halves in training: how their parameters begin, and what is dropped out where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import crossloom
from tests.pairs import oracle
from tests.pairs.test_halves import HALVES, outputs
from tests.parity.cases import LOGITS, difference

NAMES = {
    "bart": ("d_model", "encoder_ffn_dim", "decoder_ffn_dim", "max_position_embeddings", "init_std"),
    "bert": ("hidden_size", "intermediate_size", "max_position_embeddings", "initializer_range"),
    "distilbert": ("dim", "hidden_dim", "max_position_embeddings", "initializer_range"),
    "gpt2": ("n_embd", "n_inner", "n_positions", "initializer_range"),
}
NAMES |= {"mbart": NAMES["bart"], "roberta": NAMES["bert"]}
"""Family -> its fields of width, inner widths, positions, and the deviation of initial weights."""

DEPTHS = ("num_hidden_layers", "n_layers", "n_layer", "encoder_layers", "decoder_layers")

_BERT = ("hidden_dropout_prob", "attention_probs_dropout_prob")
_BART = ("dropout", "attention_dropout", "activation_dropout", "encoder_layerdrop", "decoder_layerdrop")
RATES: dict[str, tuple[str, ...]] = {
    "bart": _BART,
    "bert": _BERT,
    "distilbert": ("dropout", "attention_dropout"),
    "gpt2": ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    "mbart": _BART,
    "roberta": _BERT,
}
OWN = [(role, family) for role, family in HALVES if family in NAMES]
EACH_RATE = [(role, family, rate) for role, family in OWN for rate in RATES[family]]


def larger(role: str, family: str, **changes: Any) -> Any:
    """A fresh half of the public implementation, large enough for statistics."""
    width, *inner, positions, deviation = NAMES[family]
    sizes = {width: 64, positions: 60, deviation: 0.07, "vocab_size": 300, "pad_token_id": 5}
    depths = {name: 2 for name in DEPTHS if hasattr(oracle.random_half(role, family, 0).config, name)}
    return oracle.fresh_half(role, family, 0, **sizes, **dict.fromkeys(inner, 160), **depths, **changes)


def both_begun(theirs: Any, folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Fresh parameters by their stored names: ours and the public ones."""
    theirs.save_pretrained(folder / "theirs")
    ours = crossloom.build(crossloom.import_spec(folder / "theirs"), seed=1)
    crossloom.export(ours, folder / "ours")
    found, expected = (load_file(folder / name / "model.safetensors") for name in ("ours", "theirs"))
    assert found.keys() == expected.keys()
    return found, expected


@pytest.mark.parametrize(("role", "family"), OWN)
@pytest.mark.parametrize("tied", [True, False])
def test_parameters_begin_as_published(role: str, family: str, tied: bool, tmp_path: Path) -> None:
    ours, theirs = both_begun(larger(role, family, tie_word_embeddings=tied), tmp_path)
    for name, expected in theirs.items():
        if expected.std() == 0:  # biases and norms
            assert torch.equal(ours[name], expected), name
            continue
        tolerance = 4 / expected.numel() ** 0.5
        assert ours[name].std() == pytest.approx(float(expected.std()), rel=tolerance), name
        assert abs(float(ours[name].mean())) < 4 * 0.07 / expected.numel() ** 0.5, name
        empty = [int(row) for row in (expected == 0).all(dim=1).nonzero()] if expected.dim() == 2 else []
        assert empty == [int(row) for row in (ours[name] == 0).all(dim=1).nonzero()] if empty else True, name


def test_positions_may_begin_as_sines_and_cosines(tmp_path: Path) -> None:
    ours, theirs = both_begun(larger("encoder", "distilbert", sinusoidal_pos_embds=True), tmp_path)
    name = "embeddings.position_embeddings.weight"
    assert torch.allclose(ours[name], theirs[name], atol=1e-5)
    assert float(ours["embeddings.word_embeddings.weight"].std()) == pytest.approx(0.07, rel=0.1)


@pytest.mark.parametrize(("role", "family", "rate"), EACH_RATE)
def test_what_is_dropped_out(role: str, family: str, rate: str, tmp_path: Path) -> None:
    """With one rate at 1 and the others at 0 nothing is left to chance: both drop the same."""
    rates = dict.fromkeys(RATES[family], 0.0) | {rate: 1.0}
    theirs = oracle.random_half(role, family, 1, **rates)
    theirs.save_pretrained(tmp_path)
    ours = crossloom.from_pretrained(tmp_path)
    kept, _ = outputs(role, theirs, ours, 1)
    found, expected = outputs(role, theirs.train(), ours.train(), 1)
    assert difference(found, expected) <= LOGITS
    if not rate.endswith("layerdrop") or rate.startswith(role):
        assert difference(found, kept) > LOGITS
