"""Fresh parameters are drawn as the published class draws its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import Speech2TextConfig, Speech2TextForConditionalGeneration

import crossloom
from tests import oracle
from tests.parity.cases import SEEDS

SIZES: dict[str, Any] = {
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_ffn_dim": 160,
    "decoder_ffn_dim": 160,
    "conv_channels": 96,
    "input_feat_per_channel": 80,
    "vocab_size": 300,
    "max_source_positions": 40,
    "max_target_positions": 40,
    "pad_token_id": 5,
    "init_std": 0.07,
}


def spec_of(folder: Path, **changes: Any) -> tuple[crossloom.Spec, Speech2TextForConditionalGeneration]:
    """A spec and a fresh published model of one configuration, large enough for statistics."""
    torch.manual_seed(0)
    config = Speech2TextConfig(**(SIZES | changes))
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    return crossloom.import_spec(folder), Speech2TextForConditionalGeneration(config)


def pairs(spec: crossloom.Spec, ours: Any, theirs: Any) -> Iterator[tuple[str, Tensor, Tensor]]:
    """(address, our parameter, the published one) for every row of the table."""
    published = theirs.state_dict()
    state = ours.state_dict()
    for row in crossloom.weight_table(spec):
        if row.status != "computed":
            yield row.address, state[row.address], published[row.sources[0]]


@pytest.mark.parametrize("tied", [True, False])
def test_statistics_are_the_published_ones(tmp_path: Path, tied: bool) -> None:
    spec, theirs = spec_of(tmp_path, tie_word_embeddings=tied)
    compared = 0
    for address, ours, published in pairs(spec, crossloom.build(spec, seed=1), theirs):
        if published.std() == 0:  # biases and norms
            assert torch.equal(ours, published), address
            continue
        tolerance = 4 / ours.numel() ** 0.5
        assert ours.std() == pytest.approx(float(published.std()), rel=tolerance), address
        assert abs(float(ours.mean())) < 4 * SIZES["init_std"] / ours.numel() ** 0.5, address
        compared += 1
    assert compared > 30


@pytest.mark.parametrize("tied", [True, False])
def test_the_padding_row_is_the_published_one(tmp_path: Path, tied: bool) -> None:
    spec, theirs = spec_of(tmp_path, tie_word_embeddings=tied)
    ours = crossloom.build(spec)
    rows = (ours.decoder.embed.tokens.weight[5], theirs.model.decoder.embed_tokens.weight[5])
    assert not rows[1].any(), "the published row is zero"
    assert not rows[0].any()
    assert bool(ours.decoder.embed.tokens.weight[4].any())


def test_tied_parameters_are_one(tmp_path: Path) -> None:
    tied = crossloom.build(spec_of(tmp_path / "tied", tie_word_embeddings=True)[0])
    apart = crossloom.build(spec_of(tmp_path / "apart", tie_word_embeddings=False)[0])
    assert tied.head.weight is tied.decoder.embed.tokens.weight
    assert not torch.equal(apart.head.weight, apart.decoder.embed.tokens.weight)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_is_one_model(specs: Callable[[int], crossloom.Spec], seed: int) -> None:
    first, again, other = (crossloom.build(specs(seed), seed=s).state_dict() for s in (7, 7, 8))
    for name, tensor in first.items():
        assert torch.equal(tensor, again[name]), name
        if tensor.std() > 0:
            assert not torch.equal(tensor, other[name]), name


def test_building_leaves_the_global_generator_alone(specs: Callable[[int], crossloom.Spec]) -> None:
    spec = specs(0)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    crossloom.build(spec, seed=1)
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(6)
    assert torch.equal(
        crossloom.build(specs(0), seed=1).head.weight, crossloom.build(specs(0), seed=1).head.weight
    )


def test_fresh_parameters_after_load_have_their_draw(tmp_path: Path) -> None:
    """What `fresh:` names starts as in a new model; its stored tensors must be ignored by name."""
    spec, theirs = spec_of(tmp_path / "model")
    oracle.save(theirs, tmp_path / "model")
    path = tmp_path / "fresh.yaml"
    data = dict(spec.data) | {"fresh": ["decoder.layers.*.cross_attention.*"]}
    path.write_text(json.dumps(data))
    with pytest.raises(crossloom.CrossloomError) as unread:
        crossloom.load(path)
    assert {d.code for d in unread.value.diagnostics} == {"XL502"}
    path.write_text(json.dumps(data | {"ignore": {"model": ["model.decoder.layers.*.encoder_attn.*"]}}))
    model = crossloom.load(path)
    drawn, stored = crossloom.build(path).state_dict(), theirs.state_dict()
    fresh = 0
    for row in crossloom.weight_table(path):
        if row.status == "fresh":
            assert torch.equal(model.state_dict()[row.address], drawn[row.address]), row.address
            fresh += 1
        elif row.status == "loaded":
            assert torch.equal(model.state_dict()[row.address], stored[row.sources[0]]), row.address
    assert fresh == 2 * 8


@pytest.mark.parametrize(("ours", "theirs"), [(0.01, 0.3), (0.1, 0.1)])
def test_each_half_of_a_pair_is_drawn_as_its_own(tmp_path: Path, ours: float, theirs: float) -> None:
    config = {name: value for name, value in SIZES.items() if name != "init_std"}
    halves = {
        role: {"family": "speech_to_text", "config": config | changes}
        for role, changes in (
            ("encoder", {"init_std": ours}),
            ("decoder", {"init_std": theirs, "d_model": 32}),
        )
    }
    path = tmp_path / "pair.yaml"
    path.write_text(json.dumps({"crossloom": 1, "name": "pair", **halves}))
    drawn = crossloom.build(path).state_dict()
    expected = {"encoder": ours, "decoder": theirs, "enc_to_dec_proj": theirs, "head": theirs}
    for role, deviation in expected.items():
        below = [tensor for name, tensor in drawn.items() if name.startswith(f"{role}.")]
        weights = [tensor for tensor in below if tensor.dim() > 1]
        assert weights, role
        for weight in weights:
            assert float(weight.std()) == pytest.approx(deviation, rel=0.2), role
