"""Bridges written out: what they compute, what they do with masks, that they are wired, stored, trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

import crossloom
from specs.bridges import BRIDGES
from specs.language import BridgeBlock
from specs.signatures import SIGNATURES
from tests.pairs.test_cells import analysed, exercised
from tests.pairs.tiny import random_inputs, tiny

WRITTEN: dict[str, dict[str, Any]] = {
    "linear": {"bias": False},
    "mlp": {"norm": True, "inner": 5, "activation": "relu"},
    "conv_downsample": {"layers": 2, "kernel": 4, "stride": 2},
    "resampler": {"queries": 3, "heads": 2, "layers": 2},
}
ENDS = [("bert", "gpt2"), ("speech_to_text", "bert"), ("wav2vec2", "bart"), ("vit", "trocr")]

each = pytest.mark.parametrize("kind", BRIDGES)


def built(kind: str, cell: tuple[str, str] = ("bert", "gpt2"), **settings: Any) -> tuple[Any, Any]:
    """The model, evaluated, and its graph."""
    text = tiny(*cell, bridge={"block": kind, "with": settings})
    spec, graph = analysed(text).sound()
    model: Any = crossloom.build(spec, seed=3)
    return model.eval().requires_grad_(False), graph


@each
@pytest.mark.parametrize("cell", ENDS, ids="-".join)
def test_it_is_trained_generated_with_and_stored(kind: str, cell: tuple[str, str], tmp_path: Path) -> None:
    model = exercised(tiny(*cell, bridge={"block": kind, "with": WRITTEN[kind]}), tmp_path)
    assert [name for name, _ in model.named_children()].count("enc_to_dec_proj") == 1


@each
def test_its_hyper_parameters_have_defaults(kind: str, tmp_path: Path) -> None:
    """Of a decoder of usual width."""
    analysis = analysed(tiny("bert", "bert", widths=(8, 16), bridge={"block": kind}))
    (note,) = analysis.diagnostics
    assert (note.code, str(note.severity)) == ("XL301", "info")
    assert f"({kind})" in note.message
    assert note.help is None, "nothing speaks against a bridge that was asked for"
    graph = analysis.sound()[1]
    states = graph.types[graph.encoded[0]]  # type: ignore[index]
    assert states.dims[-1].value == 16
    settings = graph.nodes["enc_to_dec_proj"].numbers
    for name, multiple in BRIDGES[kind].multiples.items():
        assert settings[name].value == 16 * multiple, "in widths of the decoder"


def test_the_language_names_every_bridge() -> None:
    kinds = get_args(BridgeBlock.model_fields["block"].annotation)
    assert set(kinds) == set(BRIDGES)
    for kind, bridge in BRIDGES.items():
        assert all(SIGNATURES[kind].hyper(name) for name in (*bridge.sides, *bridge.multiples))


@each
def test_its_parameters_are_fresh_and_listed(kind: str) -> None:
    text = tiny("bert", "gpt2", bridge={"block": kind, "with": WRITTEN[kind]})
    spec, graph = analysed(text).sound()
    rows = {row.address: row for row in crossloom.weight_table(spec)}
    own = [address for address in graph.parameters() if address.startswith("enc_to_dec_proj.")]
    assert own
    assert {rows[address].status for address in own} == {"fresh"}
    assert rows["encoder.embed.weight"].status == "loaded"


@each
def test_equal_seeds_draw_equal_parameters(kind: str) -> None:
    first, second = (built(kind, **WRITTEN[kind])[0].enc_to_dec_proj.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    for name, tensor in first.items():
        norm = "norm" in name and name.endswith("weight")
        spread = float(tensor.std(unbiased=False))
        assert (spread == 0) is (norm or name.endswith("bias")), name


@pytest.mark.parametrize("kind", sorted(set(BRIDGES) - {"linear"}))
def test_projections_that_no_published_pair_has_keep_the_scale(kind: str) -> None:
    """They are not drawn as the decoder's are, at a deviation of 0.02: states would come out small."""
    for name, weight in built(kind, **WRITTEN[kind])[0].enc_to_dec_proj.named_parameters():
        if weight.dim() > 1 and name != "queries":
            inputs = weight[0].numel()
            assert 0.3 < float(weight.detach().std()) * inputs**0.5 < 1.5, name


@each
@pytest.mark.parametrize("cell", [("bert", "gpt2"), ("roberta", "bart")], ids="-".join)
def test_padding_is_not_seen(kind: str, cell: tuple[str, str]) -> None:
    """A short row gives what it gives alone."""
    model, graph = built(kind, cell, **WRITTEN[kind])
    given = random_inputs(graph)
    ids = torch.tensor([[2, 5, 6]] * 2)
    whole = model(**given, decoder_input_ids=ids)
    alone = model(**{name: tensor[-1:, :-2] for name, tensor in given.items()}, decoder_input_ids=ids[-1:])
    assert torch.allclose(whole.logits[-1:], alone.logits, atol=1e-6)
    other = {**given, "input_ids": given["input_ids"].clone()}
    other["input_ids"][-1, -2:] = 9
    assert torch.allclose(model(**other, decoder_input_ids=ids).logits, whole.logits, atol=1e-6)


def test_strides_shorten_the_mask_with_the_states() -> None:
    model, _ = built("conv_downsample", layers=2, stride=2, kernel=5)
    ids = torch.full((4, 9), 7)
    mask = (torch.arange(9) < torch.tensor([[9], [5], [4], [1]])).long()
    encoded = model.encode(input_ids=ids, attention_mask=mask)
    assert encoded.hidden.shape == (4, 3, 12)
    assert encoded.mask.sum(-1).tolist() == [3, 2, 1, 1]  # ceil(ceil(n / 2) / 2): never to nothing


def test_a_resampler_leaves_no_padding() -> None:
    model, _ = built("resampler", queries=3, heads=2)
    mask = torch.ones(2, 7, dtype=torch.int64)
    mask[1, 1:] = 0
    encoded = model.encode(input_ids=torch.full((2, 7), 7), attention_mask=mask)
    assert encoded.hidden.shape == (2, 3, 12)
    assert encoded.mask is None


def states_and_bridge(kind: str, **settings: Any) -> tuple[Tensor, Any, Tensor]:
    """Random states of an encoder, the bridge, and what it makes of them without a mask."""
    model, _ = built(kind, **settings)
    bridge = model.enc_to_dec_proj
    for parameter in bridge.parameters():
        parameter.normal_(std=0.5, generator=torch.Generator().manual_seed(parameter.numel()))
    hidden = torch.randn(2, 7, 8, generator=torch.Generator().manual_seed(0))
    result = bridge(hidden)
    return hidden, bridge, result[0] if isinstance(result, tuple) else result


def test_what_a_perceptron_computes() -> None:
    hidden, bridge, given = states_and_bridge("mlp", norm=True, inner=5, activation="gelu")
    expected = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 5), nn.GELU(), nn.Linear(5, 12))
    expected.load_state_dict(dict(zip(expected.state_dict(), bridge.state_dict().values(), strict=True)))
    assert torch.allclose(given, expected(hidden), atol=1e-6)


def test_what_strided_convolutions_compute() -> None:
    hidden, bridge, given = states_and_bridge("conv_downsample", layers=2, kernel=3, stride=2)
    expected = nn.Sequential(
        nn.Conv1d(8, 12, 3, stride=2, padding=1), nn.GELU(), nn.Conv1d(12, 12, 3, stride=2, padding=1)
    )
    expected.load_state_dict(dict(zip(expected.state_dict(), bridge.state_dict().values(), strict=True)))
    assert torch.allclose(given, expected(hidden.mT).mT, atol=1e-6)


def test_what_a_resampler_computes() -> None:
    """Against torch's own attention."""
    hidden, bridge, given = states_and_bridge("resampler", queries=3, heads=2, layers=1)
    layer = bridge.layers[0]
    attention = nn.MultiheadAttention(12, 2, kdim=8, vdim=8, batch_first=True)
    ours = layer.cross_attention
    attention.q_proj_weight, attention.k_proj_weight, attention.v_proj_weight = (
        one.weight for one in (ours.q_proj, ours.k_proj, ours.v_proj)
    )
    attention.in_proj_bias = nn.Parameter(
        torch.cat([ours.q_proj.bias, ours.k_proj.bias, ours.v_proj.bias]), requires_grad=False
    )
    attention.out_proj.load_state_dict(ours.out_proj.state_dict())
    latents, source = bridge.queries.expand(2, -1, -1), bridge.source_norm(hidden)
    latents = latents + attention(layer.cross_attention_norm(latents), source, source)[0]
    normed = layer.feed_forward_norm(latents)
    inner = layer.feed_forward
    latents = latents + inner.down_proj(nn.functional.gelu(inner.up_proj(normed)))
    assert torch.allclose(given, bridge.norm(latents), atol=1e-5)
