"""Training mode, evaluation mode, and what acts in only one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from tests.dropout_sites import recorded_sites
from tests.parity.cases import SEEDS, Case, labels_of, read_case, save

RATES = {
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
}


@pytest.fixture
def silent_case(tmp_path: Path) -> Callable[..., Case]:
    """A case whose every rate is zero but those given; layers as the seed has them."""

    def make(**rates: float) -> Case:
        return read_case(1, save(1, tmp_path / "model", {**RATES, **rates}))

    return make


def test_build_trains_and_load_evaluates(cases: Callable[[int], Case]) -> None:
    case = cases(0)
    assert all(module.training for module in crossloom.build(case.ours.spec).modules())
    assert not any(module.training for module in case.ours.modules())
    assert all(parameter.requires_grad for parameter in case.ours.parameters())


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_reach_every_parameter(cases: Callable[[int], Case], seed: int) -> None:
    case = cases(seed)
    torch.manual_seed(0)
    model = crossloom.build(case.ours.spec)
    for stack in (model.encoder.layers, model.decoder.layers):
        if hasattr(stack, "layerdrop"):
            stack.layerdrop = 0.0
    given = {"input_features": case.batch["input_features"], "attention_mask": case.batch["attention_mask"]}
    model(**given, labels=labels_of(case)).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        # A bias of the keys moves every score of a query alike, which softmax does not see.
        if not name.endswith("k_proj.bias"):
            assert bool(parameter.grad.any()), name


@pytest.mark.parametrize("rate", ["dropout", "attention_dropout", "activation_dropout"])
def test_dropout_acts_in_training_only(silent_case: Callable[..., Case], rate: str) -> None:
    case = silent_case(**{rate: 0.5})
    with torch.no_grad():
        evaluated = [case.ours(**case.batch).logits for _ in range(2)]
        case.ours.train()
        trained = [case.ours(**case.batch).logits for _ in range(2)]
        case.ours.eval()
        after = case.ours(**case.batch).logits
    assert torch.equal(*evaluated)
    assert not torch.equal(*trained)
    assert torch.equal(after, evaluated[0])


def test_dropout_acts_where_the_published_model_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every dropout, that of attention weights too, by shape and rate, in the order of the computation."""
    rates = {"dropout": 0.1, "attention_dropout": 0.2, "activation_dropout": 0.3}
    case = read_case(1, save(1, tmp_path / "model", {**RATES, **rates}))
    sites = recorded_sites(case.ours, monkeypatch)
    found = []
    for model in (case.ours, case.theirs):
        sites.clear()
        model.train()(**case.batch)
        found.append(list(sites))
    assert found[0] == found[1]
    assert {rate for _, rate in found[0]} == set(rates.values())


def test_without_rates_training_computes_what_evaluation_does(silent_case: Callable[..., Case]) -> None:
    case = silent_case()
    with torch.no_grad():
        evaluated = case.ours(**case.batch).logits
        assert torch.equal(case.ours.train()(**case.batch).logits, evaluated)


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_layerdrop_skips_layers_in_training_only(silent_case: Callable[..., Case], side: str) -> None:
    case = silent_case(**{f"{side}_layerdrop": 0.5})
    layers = getattr(case.ours, side).layers
    ran: list[int] = []
    for index, layer in enumerate(layers):
        layer.register_forward_hook(lambda *_, index=index: ran.append(index))
    torch.manual_seed(0)
    case.ours.train()
    counts = []
    for _ in range(60):
        ran.clear()
        case.ours(**case.batch)
        assert ran == sorted(set(ran)), "layers keep their order and run once"
        counts.append(len(ran))
    mean = sum(counts) / len(counts)
    assert abs(mean - 0.5 * len(layers)) < 4 * (0.25 * len(layers) / 60) ** 0.5
    case.ours.eval()
    ran.clear()
    case.ours(**case.batch)
    assert ran == list(range(len(layers)))


def test_layerdrop_leaves_skipped_layers_without_gradient(silent_case: Callable[..., Case]) -> None:
    case = silent_case(encoder_layerdrop=1.0)
    case.ours.train()
    case.ours(**case.batch, labels=labels_of(case)).loss.backward()
    assert all(p.grad is None for p in case.ours.encoder.layers.parameters())
    assert case.ours.encoder.subsample[0].conv.weight.grad is not None


@pytest.mark.parametrize("seed", SEEDS)
def test_bfloat16(cases: Callable[[int], Case], seed: int) -> None:
    case = cases(seed)
    model = crossloom.build(case.ours.spec, dtype=torch.bfloat16)
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.bfloat16}
    assert {buffer.dtype for buffer in model.buffers()} == {torch.bfloat16}
    given = {
        "input_features": case.batch["input_features"].bfloat16(),
        "attention_mask": case.batch["attention_mask"],
    }
    output: Any = model(**given, labels=labels_of(case))
    assert output.logits.dtype == torch.bfloat16
    assert output.loss.dtype == torch.float32
    output.loss.backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)
    model.eval()
    wide = crossloom.build(case.ours.spec).eval()
    with torch.no_grad():
        encoded = model.encode(**given)
        expected = wide.encode(case.batch["input_features"], case.batch["attention_mask"])
    assert torch.allclose(encoded.hidden.float(), expected.hidden, atol=0.15)


def test_learning_lowers_the_loss(cases: Callable[[int], Case]) -> None:
    case = cases(1)
    torch.manual_seed(0)
    model = crossloom.build(case.ours.spec)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    given = {"input_features": case.batch["input_features"], "attention_mask": case.batch["attention_mask"]}
    labels = labels_of(case)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = model(**given, labels=labels).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
