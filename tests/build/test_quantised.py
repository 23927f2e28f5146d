"""Sides of a model with int8 weights: what they compute, what is told of them, what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from blocks.quantised import FEW_INT8_ROWS, Int8Projection
from crossloom import CrossloomError

DECODER = {"decoder": torch.int8}
BF16 = 2.0**-8
"""Of a number, how much is lost by rounding it to bfloat16."""


def projection(inputs: int, outputs: int, bias: bool = True) -> torch.nn.Linear:
    torch.manual_seed(inputs)
    made = torch.nn.Linear(inputs, outputs, bias)
    torch.nn.init.normal_(made.weight, std=0.3)
    return made


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 3, FEW_INT8_ROWS, FEW_INT8_ROWS + 1, 40])
@pytest.mark.parametrize(("inputs", "outputs"), [(64, 32), (96, 160), (37, 19), (8, 130), (64, 48)])
def test_products(inputs: int, outputs: int, rows: int, bias: bool) -> None:
    quantised = Int8Projection.of(projection(inputs, outputs, bias))
    states = torch.randn(rows, 1, inputs)
    with torch.no_grad():
        found, weight = quantised(states), quantised.dequantised()
        expected = torch.nn.functional.linear(states, weight, quantised.bias)
        largest = torch.nn.functional.linear(states.abs(), weight.abs())
    assert found.shape == expected.shape
    rounding = 2 * BF16 if rows <= FEW_INT8_ROWS else 1e-6
    assert bool(((found - expected).abs() <= rounding * largest + 1e-6).all())


def test_without_torchs_own_product(monkeypatch: pytest.MonkeyPatch) -> None:
    quantised, states = Int8Projection.of(projection(64, 32)), torch.randn(3, 64)
    monkeypatch.setattr("blocks.quantised.INT8_PRODUCT", None)
    with torch.no_grad():
        expected = torch.nn.functional.linear(states, quantised.dequantised(), quantised.bias)
        assert torch.allclose(quantised(states), expected, atol=1e-5)


def test_weights_are_as_near_as_the_scale_allows() -> None:
    made = projection(256, 48)
    with torch.no_grad():
        made.weight[3] = 0
        made.weight[4] *= 1000
        quantised = Int8Projection.of(made)
        difference = (quantised.dequantised() - made.weight).abs().amax(1)
        step = made.weight.abs().amax(1) / 127
    assert bool((difference <= step * 0.76).all()), "half a step, and what the scale was rounded by"
    assert difference[3] == 0
    assert quantised.weight.abs().amax(1)[4] == 127, "every output has its own scale"


@pytest.fixture(scope="module")
def model() -> Any:
    return crossloom.load("digits", dtype=DECODER)


def test_the_other_side_and_all_but_projections_stay(model: Any) -> None:
    whole = crossloom.load("digits")
    linear = {name for name, module in whole.named_modules() if isinstance(module, torch.nn.Linear)}
    wanted = {name for name in linear if not name.startswith("encoder.")}
    found = {name for name, module in model.named_modules() if isinstance(module, Int8Projection)}
    assert found == wanted == set(model.quantization.weights)
    assert "head" in found
    for name, parameter in model.named_parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, whole.state_dict()[name]), name


def test_what_is_told_is_what_was_lost(model: Any) -> None:
    told, whole = model.quantization, crossloom.load("digits")
    for address, largest in told.weights.items():
        weight = whole.get_submodule(address).weight.detach()
        assert largest == float((model.get_submodule(address).dequantised() - weight).abs().max())
        assert largest > 0
    features = torch.randn(1, 40, 80, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[2, 5, 4, 7]])
    with torch.no_grad():
        ours, theirs = model(features, decoder_input_ids=ids), whole(features, decoder_input_ids=ids)
    assert torch.equal(ours.encoder_last_hidden_state, theirs.encoder_last_hidden_state)
    lost = float((ours.logits - theirs.logits).abs().max() / theirs.logits.abs().max())
    assert 0 < lost < 0.1
    assert 0 < told.outputs < 0.1
    assert 3.9 < told.bytes[0] / told.bytes[1] <= 4
    assert max(told.weights, key=told.weights.__getitem__) in str(told)


def test_recordings_to_texts(model: Any) -> None:
    audio = ["examples/digits/audio/six_zero_two_two.wav"]
    assert crossloom.transcribe(model, audio) == crossloom.transcribe("digits", audio)
    assert crossloom.transcribe(model, audio, num_beams=5) == crossloom.transcribe(
        "digits", audio, num_beams=5
    )


def test_a_step_is_one_graph(model: Any) -> None:
    """What branches, branches on shapes."""
    quantised = model.get_submodule("head")
    states = torch.randn(5, 1, quantised.in_features)
    exported = torch.export.export(quantised, (states,)).module()
    with torch.no_grad():
        assert torch.equal(exported(states), quantised(states))


def test_what_is_refused(model: Any, tmp_path: Path) -> None:
    state = model.state_dict()
    row = {"audio": "a.wav", "text": "one"}
    refused: list[Any] = [
        model.train,
        lambda: model.load_state_dict(state),
        lambda: crossloom.export(model, tmp_path / "out"),
        lambda: crossloom.train(model, [row], max_steps=1),
    ]
    for act in refused:
        with pytest.raises(CrossloomError, match="XL604"):
            act()
    assert not model.training
    assert model.eval() is model
    assert not (tmp_path / "out").exists()


def test_a_built_model_is_quantised_too() -> None:
    model = crossloom.build("digits", dtype={"encoder": torch.int8, "decoder": torch.bfloat16})
    assert not model.training
    assert all(address.startswith("encoder.") for address in model.quantization.weights)
    with torch.no_grad():
        assert model.encode(torch.zeros(1, 40, 80)).hidden.dtype == torch.bfloat16


def test_a_tied_head_has_weights_of_its_own() -> None:
    model = crossloom.build("s2t-small-librispeech-asr", dtype=DECODER)
    assert isinstance(model.head, Int8Projection)
    embedding = model.decoder.embed.tokens.weight
    assert embedding.dtype == torch.float32
    largest = embedding.abs().amax() / 127
    assert bool(((model.head.dequantised() - embedding).abs() <= largest).all())
