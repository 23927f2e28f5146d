"""Fresh parameters, dropout, skipped layers and gradients of the speech encoder, as published."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers.models.seamless_m4t_v2.modeling_seamless_m4t_v2 import SeamlessM4Tv2SpeechEncoder

from specs.families.seamless_m4t_v2.speech_encoder import rows
from specs.weights import WeightMap
from tests.dropout_sites import recorded_sites
from tests.parity.cases import LOGITS, difference
from tests.seamless.parts import view
from tests.seamless.speech_encoders import (
    SEEDS,
    config_of,
    ours_of,
    published,
    random_batch,
    stored,
)

LARGE: dict[str, Any] = {
    "hidden_size": 64,
    "speech_encoder_intermediate_size": 160,
    "feature_projection_input_dim": 40,
    "speech_encoder_attention_heads": 4,
    "speech_encoder_layers": 2,
    "position_embeddings_type": "relative_key",
    "left_max_position_embeddings": 20,
    "conv_depthwise_kernel_size": 15,
    "add_adapter": True,
    "num_adapter_layers": 2,
    "initializer_range": 0.07,
}
"""Enough of every parameter for statistics."""

OFF = dict.fromkeys(("speech_encoder_dropout", "speech_encoder_layerdrop", "adaptor_dropout"), 0.0)


def table_of(theirs: SeamlessM4Tv2SpeechEncoder) -> WeightMap:
    """Where the parameters of ours are stored."""
    return WeightMap(tuple(rows(view(theirs.config))))


def test_statistics_are_the_published_ones() -> None:
    torch.manual_seed(0)
    theirs = SeamlessM4Tv2SpeechEncoder(config_of(0, **LARGE))
    ours, table, published = ours_of(theirs), table_of(theirs), stored(theirs)
    ours.initialise(1)
    for address, fresh in ours.state_dict().items():
        found = table.find(address)
        assert found is not None, address
        drawn = published[found[1][0]]
        if drawn.std() == 0:  # biases and norms
            assert torch.equal(fresh, drawn), address
            continue
        tolerance = 6 / fresh.numel() ** 0.5
        assert fresh.std() == pytest.approx(float(drawn.std()), rel=tolerance), address
        assert abs(float(fresh.mean() - drawn.mean())) < tolerance * float(drawn.std()), address


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_are_the_published_ones(seed: int) -> None:
    theirs = published(seed, **OFF)
    ours, table = ours_of(theirs), table_of(theirs)
    features, mask = random_batch(seed)
    states = (
        theirs.train()(features, attention_mask=mask).last_hidden_state,
        ours.train().encode(features, mask).hidden,
    )
    assert difference(states[1].detach(), states[0].detach()) <= LOGITS, (
        "training draws nothing where every rate is zero"
    )
    for hidden in states:
        torch.autograd.backward(hidden.square().mean())
    expected = {f"speech_encoder.{name}": parameter.grad for name, parameter in theirs.named_parameters()}
    for address, parameter in ours.named_parameters():
        found = table.find(address)
        assert found is not None, address
        gradient = expected[found[1][0]]
        assert parameter.grad is not None, address
        assert gradient is not None, address
        assert difference(parameter.grad, gradient) <= LOGITS, address


@pytest.mark.parametrize(
    "rates",
    [
        {"speech_encoder_dropout": 0.1, "adaptor_dropout": 0.2},
        {"speech_encoder_dropout": 0.1},
        {"adaptor_dropout": 0.2},
    ],
)
def test_dropout_acts_where_the_published_model_has_it(
    rates: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every dropout, that of attention weights too, by sizes and rate, in the order of the computation."""
    changes: dict[str, Any] = {**LARGE, **OFF, **rates}
    theirs = published(0, **changes)
    ours = ours_of(theirs)
    sites = recorded_sites(ours, monkeypatch)
    features, mask = random_batch(0, **changes)
    found = []
    for encode in (theirs.train(), ours.train().encode):
        sites.clear()
        encode(features, attention_mask=mask)
        found.append([(sorted(shape), rate) for shape, rate in sites])
    assert found[0] == found[1]
    assert {rate for _, rate in found[0]} == set(rates.values())


def test_layers_are_skipped_in_training_only() -> None:
    rates = {**OFF, "speech_encoder_layerdrop": 0.5}
    changes: dict[str, Any] = {**LARGE, **rates, "speech_encoder_layers": 3}
    ours = ours_of(published(0, **changes))
    ran: list[int] = []
    for index, layer in enumerate(ours.speech_encoder.layers):
        layer.register_forward_hook(lambda *_, index=index: ran.append(index))
    features, mask = random_batch(0, **changes)
    torch.manual_seed(0)
    counts = []
    with torch.no_grad():
        for _ in range(60):
            ran.clear()
            ours.train().encode(features, mask)
            assert ran == sorted(set(ran)), "layers keep their order and run once"
            counts.append(len(ran))
        assert abs(sum(counts) / len(counts) - 1.5) < 4 * (0.75 / 60) ** 0.5
        ran.clear()
        ours.eval().encode(features, mask)
    assert ran == [0, 1, 2]
