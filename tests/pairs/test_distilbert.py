"""DistilBERT in the role nobody has published: what a public BERT decoder computes with its tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    BertLMHeadModel,
    DistilBertForMaskedLM,
    DistilBertForSequenceClassification,
    DistilBertModel,
    EncoderDecoderModel,
)

import crossloom
from crossloom import CrossloomError
from tests.oracle import respelt, searched, spread
from tests.pairs import oracle
from tests.pairs.cases import joined, spec_of
from tests.pairs.test_halves import outputs
from tests.parity.cases import LOGITS, difference

CROSS = ["decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*"]
NAMES = {
    "vocab_size": "vocab_size",
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "hidden_dim": "intermediate_size",
    "max_position_embeddings": "max_position_embeddings",
    "activation": "hidden_act",
    "pad_token_id": "pad_token_id",
    "eos_token_id": "eos_token_id",
    "decoder_start_token_id": "decoder_start_token_id",
    "tie_word_embeddings": "tie_word_embeddings",
}
"""Its fields by BERT's."""


def bert(seed: int) -> Any:
    """A public BERT decoder whose one token type adds nothing."""
    config = oracle.random_half("decoder", "bert", seed).config
    config.update({"type_vocab_size": 1, "layer_norm_eps": 1e-12})
    theirs = spread(BertLMHeadModel(config))
    nn.init.zeros_(theirs.bert.embeddings.token_type_embeddings.weight)
    return theirs


def section(theirs: Any) -> dict[str, Any]:
    """DistilBERT of the same sizes, in a spec."""
    fields = {own: getattr(theirs.config, name) for own, name in NAMES.items()}
    return {"family": "distilbert", "config": fields}


def given_tensors(ours: Any, theirs: Any, folder: Path) -> Any:
    """Ours with the other's tensors, which the table of BERT translates."""
    theirs.save_pretrained(folder)
    found = ours.load_state_dict(crossloom.from_pretrained(folder).state_dict(), strict=False)
    assert not [name for name in found.missing_keys if name.startswith(("decoder.", "head."))]
    assert set(found.unexpected_keys) == {"decoder.add_types.table.weight"}
    return ours.eval()


@pytest.mark.parametrize("seed", oracle.SEEDS)
def test_logits(seed: int, tmp_path: Path) -> None:
    theirs = bert(seed)
    spec = spec_of({"crossloom": 1, "name": "half", "decoder": section(theirs)})
    ours, expected = outputs("decoder", theirs, given_tensors(crossloom.build(spec), theirs, tmp_path), seed)
    assert difference(ours, expected) <= LOGITS


@pytest.mark.parametrize("encoder", oracle.ENCODERS)
@pytest.mark.parametrize("seed", oracle.SEEDS)
def test_beside_every_encoder(encoder: str, seed: int, tmp_path: Path) -> None:
    """Logits, and the ids of greedy and beam search."""
    half, theirs = oracle.random_half("encoder", encoder, seed), bert(seed)
    pair = spread(EncoderDecoderModel(encoder=half, decoder=theirs))
    nn.init.zeros_(theirs.bert.embeddings.token_type_embeddings.weight)
    pair.config.decoder_start_token_id, pair.config.pad_token_id = 3, theirs.config.pad_token_id
    half.save_pretrained(tmp_path / "encoder")
    spec = joined({"encoder": tmp_path / "encoder"}, decoder=section(theirs))
    start = {"fresh": ["decoder.*", "head.*"]}
    spec = spec_of({**spec.data, **start})
    ours = given_tensors(crossloom.load(spec), theirs, tmp_path / "decoder")
    if hasattr(pair, "enc_to_dec_proj"):
        ours.enc_to_dec_proj.load_state_dict(pair.enc_to_dec_proj.state_dict())
    texts, target = oracle.random_texts(half.config, seed), oracle.random_target(theirs.config, seed)
    with torch.no_grad():
        assert difference(ours(**texts, **target).logits, pair(**texts, **target).logits) <= LOGITS
    texts.pop("token_type_ids", None)
    for beams in (1, 4):
        ids, expected = searched(ours, pair, texts, length=8, beams=beams)
        assert ids == expected


@pytest.mark.parametrize(
    "published", [DistilBertForMaskedLM, DistilBertModel, DistilBertForSequenceClassification]
)
def test_warm_start(published: Any, tmp_path: Path) -> None:
    """All it shares with a checkpoint is taken from it; cross-attention always starts fresh, and says so."""
    theirs = spread(published(oracle.random_half("encoder", "distilbert", 1).config))
    theirs.save_pretrained(tmp_path / "in")
    spec = crossloom.import_spec(tmp_path / "in", role="decoder", tokens={"decoder_start": 3})
    has_head = published is DistilBertForMaskedLM
    assert spec.data["fresh"] == (CROSS if has_head else [*CROSS, "head.*"])
    model = crossloom.load(spec)
    state, stored = model.state_dict(), theirs.state_dict()
    encoder = crossloom.load(crossloom.import_spec(tmp_path / "in", role="encoder")).state_dict()
    assert all(torch.equal(state[name.replace("encoder.", "decoder.", 1)], t) for name, t in encoder.items())
    if has_head:
        heads = {"transform": "vocab_transform", "norm": "vocab_layer_norm", "output": "vocab_projector"}
        for own, other in heads.items():
            for name in ("weight", "bias"):
                assert torch.equal(state[f"head.{own}.{name}"], stored[f"{other}.{name}"])
    crossloom.export(model, tmp_path / "out", format="crossloom")
    again = crossloom.load(tmp_path / "out" / "spec.yaml").state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in state.items())
    with pytest.raises(CrossloomError, match="XL114"):
        crossloom.export(model, tmp_path / "hub", format="transformers")


def test_half_a_prefix_is_refused(tmp_path: Path) -> None:
    oracle.random_half("encoder", "distilbert", 1).save_pretrained(tmp_path)
    prefixed = {"embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias"}
    respelt(tmp_path, lambda s: {f"distilbert.{n}" if n in prefixed else n: t for n, t in s.items()})
    with pytest.raises(CrossloomError, match=r"XL5(01|04|11)"):
        crossloom.from_pretrained(tmp_path)


def test_names_of_cross_attention() -> None:
    """Nobody stores any; they are named as the family's other projections are."""
    spec = spec_of({"crossloom": 1, "name": "half", "decoder": section(bert(0))})
    sources = {row.address: row.sources[0] for row in crossloom.weight_table(spec)}
    layer, stored = "decoder.layers.0.cross_attention", "distilbert.transformer.layer.0.crossattention"
    for kind in ("q", "k", "v", "out"):
        for name in ("weight", "bias"):
            assert sources[f"{layer}.{kind}_proj.{name}"] == f"{stored}.{kind}_lin.{name}"
    assert sources[f"{layer}_norm.weight"] == "distilbert.transformer.layer.0.ca_layer_norm.weight"
