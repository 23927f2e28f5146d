"""Lone encoders and decoders: imported from any head and spelling, computed, exported."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import (
    BertForMaskedLM,
    BertForPreTraining,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    RobertaForMaskedLM,
)

import crossloom
from crossloom import CrossloomError
from tests.oracle import read_back, respelt, spread, stored_differently
from tests.pairs import oracle
from tests.parity.cases import LOGITS, difference

HALVES = [("encoder", name) for name in oracle.ENCODERS] + [("decoder", name) for name in oracle.DECODERS]
each = pytest.mark.parametrize(("role", "family"), HALVES, ids=["-".join(half) for half in HALVES])
every_seed = pytest.mark.parametrize("seed", oracle.SEEDS)


def saved(role: str, family: str, seed: int, folder: Path) -> Any:
    half = oracle.random_half(role, family, seed)
    half.save_pretrained(folder)
    return half


def states_of(theirs: Any, seed: int) -> dict[str, Tensor]:
    """Encoder states as wide as the decoder, and their mask."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [1] + [0] * 5])
    states = torch.randn(3, 6, theirs.config.hidden_size, generator=generator)
    return {"encoder_hidden_states": states, "encoder_attention_mask": mask}


def outputs(role: str, theirs: Any, ours: Any, seed: int) -> tuple[Tensor, Tensor]:
    """What both give: hidden states of an encoder, logits of a decoder."""
    with torch.no_grad():
        if role == "encoder":
            texts = oracle.random_texts(theirs.config, seed)
            return ours.encode(**texts).hidden, theirs(**texts).last_hidden_state
        target, states = oracle.random_target(theirs.config, seed), states_of(theirs, seed)
        published = {name.removeprefix("decoder_"): tensor for name, tensor in target.items()}
        return ours(**target, **states).logits, theirs(**published, **states).logits


@each
@every_seed
def test_parity_and_export(role: str, family: str, seed: int, tmp_path: Path) -> None:
    """The exported folder loads as the published class with nothing missing, its files bit-equal."""
    theirs = saved(role, family, seed, tmp_path / "in")
    model = crossloom.from_pretrained(tmp_path / "in")
    assert model.spec.kind == role
    ours, expected = outputs(role, theirs, model, seed)
    assert difference(ours, expected) <= LOGITS
    crossloom.export(model, tmp_path / "out")
    assert stored_differently(tmp_path / "in", tmp_path / "out") == []
    again, report = read_same(theirs, tmp_path / "out")
    assert all(not names for names in report.values()), report
    ours, expected = outputs(role, again, model, seed)
    assert difference(ours, expected) <= LOGITS


def read_same(theirs: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The folder as the same class, which config.json names."""
    (named,) = json.loads((folder / "config.json").read_text())["architectures"]
    assert named == type(theirs).__name__
    return read_back(type(theirs), folder)


@each
def test_a_fresh_half_is_exported_too(role: str, family: str, tmp_path: Path) -> None:
    theirs = saved(role, family, 1, tmp_path / "in")
    model = crossloom.build(crossloom.import_spec(tmp_path / "in"), seed=3).eval()
    crossloom.export(model, tmp_path / "out")
    theirs, report = read_same(theirs, tmp_path / "out")
    assert all(not names for names in report.values()), report
    ours, expected = outputs(role, theirs, model, 1)
    assert difference(ours, expected) <= LOGITS


def gamma(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def bare(name: str) -> str:
    return name.removeprefix("bert.").removeprefix("roberta.").removeprefix("transformer.")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "gamma": gamma,
    "bare": bare,
    "bare gamma": lambda name: bare(gamma(name)),
    "prefixed": lambda name: name if name.startswith(("cls.", "bert.")) else f"bert.{name}",
    "prefixed gamma": lambda name: gamma(name if name.startswith(("cls.", "bert.")) else f"bert.{name}"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_old_spellings(role: str, spelling: str, tmp_path: Path) -> None:
    theirs = saved(role, "bert", 1, tmp_path)
    respelt(tmp_path, lambda stored: {SPELLINGS[spelling](name): t for name, t in stored.items()})
    ours, expected = outputs(role, theirs, crossloom.from_pretrained(tmp_path), 1)
    assert difference(ours, expected) <= LOGITS


@pytest.mark.parametrize("spelling", ["gamma", "prefixed"])
def test_half_a_spelling_is_refused(spelling: str, tmp_path: Path) -> None:
    saved("encoder", "bert", 1, tmp_path)

    def half(stored: dict[str, Tensor]) -> dict[str, Tensor]:
        changed = [name for name in stored if "LayerNorm" in name][::2]
        return {SPELLINGS[spelling](n) if n in changed else n: tensor for n, tensor in stored.items()}

    respelt(tmp_path, half)
    with pytest.raises(CrossloomError, match=r"XL5(01|04|11)"):
        crossloom.from_pretrained(tmp_path)


def test_stored_masks_and_tied_heads_of_gpt2(tmp_path: Path) -> None:
    theirs = saved("decoder", "gpt2", 0, tmp_path)

    def older(stored: dict[str, Tensor]) -> dict[str, Tensor]:
        layers = range(theirs.config.n_layer)
        masks = {f"transformer.h.{i}.attn.bias": torch.ones(1, 1, 4, 4, dtype=torch.uint8) for i in layers}
        scalars = {f"transformer.h.{i}.crossattention.masked_bias": torch.tensor(-1e4) for i in layers}
        return {**stored, **masks, **scalars, "lm_head.weight": stored["transformer.wte.weight"].clone()}

    respelt(tmp_path, older)
    model = crossloom.from_pretrained(tmp_path)
    ours, expected = outputs("decoder", theirs, model, 0)
    assert difference(ours, expected) <= LOGITS


@pytest.mark.parametrize("other", ["cls.predictions.decoder.bias", "cls.predictions.decoder.weight"])
def test_copies_of_tied_tensors_must_agree(other: str, tmp_path: Path) -> None:
    saved("decoder", "bert", 0, tmp_path)
    names = {"bias": "cls.predictions.bias", "weight": "bert.embeddings.word_embeddings.weight"}
    kept = names[other.rpartition(".")[2]]
    respelt(tmp_path, lambda stored: {**stored, other: stored[kept].clone()})
    crossloom.from_pretrained(tmp_path)
    respelt(tmp_path, lambda stored: {**stored, other: stored[kept] + 1})
    with pytest.raises(CrossloomError, match="XL506"):
        crossloom.from_pretrained(tmp_path)


def test_only_the_second_name_of_a_tied_bias(tmp_path: Path) -> None:
    theirs = saved("decoder", "bert", 0, tmp_path)
    respelt(
        tmp_path,
        lambda stored: {
            n.replace("predictions.bias", "predictions.decoder.bias"): t for n, t in stored.items()
        },
    )
    ours, expected = outputs("decoder", theirs, crossloom.from_pretrained(tmp_path), 0)
    assert difference(ours, expected) <= LOGITS


@pytest.mark.parametrize("published", [BertForMaskedLM, BertForPreTraining, BertModel, RobertaForMaskedLM])
@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_warm_start_from_any_head(role: oracle.Role, published: Any, tmp_path: Path) -> None:
    """Every shared tensor is the checkpoint's; what it lacks is fresh, and said to be."""
    family = published.__name__[: 7 if published is RobertaForMaskedLM else 4].lower()
    config = oracle.random_half("encoder", family, 1).config
    config.is_decoder = False
    theirs = spread(published(config))
    theirs.save_pretrained(tmp_path)
    start = {"decoder_start": 3} if role == "decoder" else None
    spec = crossloom.import_spec(tmp_path, role=role, tokens=start)
    model = crossloom.load(spec)
    cross = ["decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*"]
    head = ["head.*"] if published is BertModel else []
    assert spec.data.get("fresh", []) == (cross + head if role == "decoder" else [])
    state = model.state_dict()
    embedding = theirs.get_input_embeddings().weight
    assert torch.equal(state[f"{role}.embed.weight"], embedding)
    if role == "encoder":
        ours, expected_states = outputs(role, getattr(theirs, theirs.base_model_prefix, theirs), model, 1)
        assert difference(ours, expected_states) <= LOGITS


def heads_of_classes(family: str) -> list[Any]:
    """The published classes of a family that tell classes apart, whatever is told apart."""
    module = import_module(f"transformers.models.{family}.modeling_{family}")
    words = ("Classification", "MultipleChoice", "NextSentence", "QuestionAnswering")
    return [getattr(module, name) for name in module.__all__ if any(word in name for word in words)]


CLASSIFIERS = [
    (role, family, published)
    for family, role in (
        *((family, role) for family in ("bert", "distilbert", "roberta") for role in ("encoder", "decoder")),
        ("gpt2", "decoder"),
    )
    for published in heads_of_classes(family)
]


@pytest.mark.parametrize(
    ("role", "family", "published"), CLASSIFIERS, ids=lambda one: getattr(one, "__name__", one)
)
def test_warm_start_from_a_classifier(role: oracle.Role, family: str, published: Any, tmp_path: Path) -> None:
    """The body is the checkpoint's; what tells classes apart is no part of it."""
    trained_as: oracle.Role = "decoder" if family == "gpt2" else "encoder"
    config = oracle.random_half(trained_as, family, 0).config
    config.update({"is_decoder": False, "add_cross_attention": False})
    theirs = spread(published(config))
    theirs.save_pretrained(tmp_path)
    start = {"decoder_start": 3} if role == "decoder" else None
    model = crossloom.load(crossloom.import_spec(tmp_path, role=role, tokens=start))
    state = model.state_dict()
    assert torch.equal(state[f"{role}.embed.weight"], theirs.get_input_embeddings().weight)
    if role == "encoder":
        ours, expected = outputs(role, getattr(theirs, theirs.base_model_prefix), model, 1)
        assert difference(ours, expected) <= LOGITS


@pytest.mark.parametrize("published", [GPT2LMHeadModel, GPT2Model])
def test_warm_start_of_gpt2(published: Any, tmp_path: Path) -> None:
    """Its ids are the ones the public generation falls back to, written out."""
    config = GPT2Config(
        vocab_size=30, n_positions=20, n_embd=8, n_layer=2, n_head=2, bos_token_id=7, eos_token_id=8
    )
    theirs = spread(published(config))
    theirs.save_pretrained(tmp_path)
    spec = crossloom.import_spec(tmp_path)
    assert spec.kind == "decoder"
    assert spec.data["tokens"] == {"decoder_start": 7, "pad": 8}
    assert spec.data["fresh"] == [
        "decoder.layers.*.cross_attention.*",
        "decoder.layers.*.cross_attention_norm.*",
    ]
    state = crossloom.load(spec).state_dict()
    body = getattr(theirs, "transformer", theirs)
    stored = body.h[1].attn.c_attn.weight
    parts = [state[f"decoder.layers.1.self_attention.{name}_proj.weight"] for name in "qkv"]
    assert torch.equal(torch.cat(parts), stored.t())


def test_reorder_and_upcast_changes_nothing_in_float32(tmp_path: Path) -> None:
    theirs = saved("decoder", "gpt2", 2, tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"reorder_and_upcast_attn": True}))
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path, attn_implementation="eager").eval()
    ours, expected = outputs("decoder", theirs, crossloom.from_pretrained(tmp_path), 2)
    assert difference(ours, expected) <= LOGITS


@pytest.mark.parametrize("renamed", [False, True])
def test_a_tensor_that_feeds_several_parameters_is_missed_once(renamed: bool, tmp_path: Path) -> None:
    theirs = saved("decoder", "gpt2", 2, tmp_path)
    spec = crossloom.import_spec(tmp_path)
    other = {"c_attn": "c_attm"} if renamed else {}

    def without(stored: dict[str, Tensor]) -> dict[str, Tensor]:
        parts = {n: "attn.c_attn.weight" in n and "cross" not in n for n in stored}
        kept = {n: t for n, t in stored.items() if not parts[n]}
        return kept | {n.replace("c_attn", other["c_attn"]): stored[n] for n in stored if parts[n] and other}

    respelt(tmp_path, without)
    (finding,) = crossloom.verify(spec, tmp_path)
    layers = theirs.config.n_layer
    shown = "transformer.h.0" if layers == 1 else f"transformer.h.{{0..{layers - 1}}}"
    assert finding.code == ("XL504" if renamed else "XL501")
    assert f"`{shown}.attn.c_attn.weight`" in finding.message
    if not renamed:
        assert all(f"self_attention.{part}_proj.weight`" in finding.info[0] for part in "qkv")


def test_a_part_that_no_checkpoint_gave_is_told(tmp_path: Path) -> None:
    """A pooler is written back where it was stored; where it begins anew, the export says so."""
    oracle.random_half("encoder", "bert", 1).save_pretrained(tmp_path / "pooled")
    model = crossloom.from_pretrained(tmp_path / "pooled")
    with warnings.catch_warnings():
        warnings.simplefilter("error", crossloom.CrossloomWarning)
        crossloom.export(model, tmp_path / "whole")
    config = oracle.random_half("encoder", "bert", 1).config
    BertForMaskedLM(config).save_pretrained(tmp_path / "masked")
    spec = crossloom.import_spec(tmp_path / "masked", role="encoder")
    with pytest.warns(crossloom.CrossloomWarning, match=r"XL520[\s\S]*bert\.pooler\.dense\.weight") as told:
        crossloom.export(crossloom.load(spec), tmp_path / "begun")
    assert told[0].filename == __file__


def test_parts_beside_are_written_as_wide_as_the_model(tmp_path: Path) -> None:
    """A model turned to bfloat16 is written whole in it: what is not computed with, stored or begun, too."""
    for published in (BertModel, BertForMaskedLM):
        folder = tmp_path / published.__name__
        spread(published(oracle.random_half("encoder", "bert", 1).config)).save_pretrained(folder)
        model = crossloom.load(crossloom.import_spec(folder, role="encoder")).to(torch.bfloat16)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", crossloom.CrossloomWarning)
            crossloom.export(model, folder / "out")
        written = load_file(folder / "out" / "model.safetensors")
        assert "pooler.dense.weight" in written
        assert {tensor.dtype for tensor in written.values()} == {torch.bfloat16}
