"""A frozen model refuses what would make it compute with other weights than it holds."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import Parameter

import crossloom
from compiler.compilation.kept import KeptPackages
from compiler.diagnostics import CrossloomError
from tests.compilation.models import model_and_inputs

REFUSED: dict[str, Callable[[Any], object]] = {
    "train": lambda model: model.train(),
    "load": lambda model: model.load_state_dict(model.state_dict()),
    "cast": lambda model: model.to(torch.bfloat16),
    "move": lambda model: model.to("meta"),
    "half": lambda model: model.half(),
    "gradients": lambda model: model.requires_grad_(),
}


@pytest.fixture(scope="module")
def frozen() -> Any:
    return model_and_inputs("bert", "gpt2", compile="max")[0]


@pytest.mark.parametrize("what", REFUSED)
def test_it_refuses(frozen: Any, what: str) -> None:
    with pytest.raises(CrossloomError) as raised:
        REFUSED[what](frozen)
    assert [finding.code for finding in raised.value.diagnostics] == ["XL603"]
    assert not frozen.training


def test_it_stays_where_it_is(frozen: Any) -> None:
    assert frozen.to("cpu") is frozen.float() is frozen.cpu() is frozen


def test_it_is_evaluated_and_takes_no_gradient(frozen: Any) -> None:
    assert frozen.eval() is frozen.train(mode=False) is frozen.requires_grad_(requires_grad=False) is frozen
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


def test_build_and_load_return_it_evaluated(tiny_checkpoint: Callable[[int], Any]) -> None:
    assert not crossloom.from_pretrained(tiny_checkpoint(0), compile="max").training
    spec = crossloom.import_spec(tiny_checkpoint(0))
    assert not crossloom.build(spec, compile="max").training


def test_it_is_not_trained(frozen: Any) -> None:
    with pytest.raises(CrossloomError) as raised:
        crossloom.train(frozen, [])
    assert [finding.code for finding in raised.value.diagnostics] == ["XL603"]


def _write(model: Any) -> None:
    with torch.no_grad():
        model.head.weight[0, 0] += 1


CHANGES: dict[str, Callable[[Any], object]] = {
    "written in place": _write,
    "another parameter": lambda model: setattr(model.head, "weight", Parameter(model.head.weight.clone())),
    "another module": lambda model: setattr(model, "head", copy.deepcopy(model.head)),
    "other data": lambda model: setattr(model.head.weight, "data", model.head.weight.detach().clone()),
    "a part cast": lambda model: model.decoder.half(),
    "a part loaded": lambda model: model.decoder.load_state_dict(model.decoder.state_dict()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_parameters_that_have_changed_are_noticed(change: str) -> None:
    model, inputs = model_and_inputs("wav2vec2", "gpt2", compile="max")
    CHANGES[change](model)
    with pytest.raises(CrossloomError, match="have its parameters written to"):
        crossloom.generate(model, **inputs, max_new_tokens=2)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda model: model.decoder.requires_grad_(), "have gradients"),
        (lambda model: [one.requires_grad_(True) for one in model.parameters()], "have gradients"),
        (lambda model: model.decoder.train(), "be trained"),
    ],
)
def test_what_its_parts_were_told_is_noticed(change: Callable[[Any], object], what: str) -> None:
    model, inputs = model_and_inputs("wav2vec2", "gpt2", compile="max")
    change(model)
    with pytest.raises(CrossloomError, match=f"cannot {what}"):
        model.encode(**inputs)


def test_other_weights_are_not_packaged_as_those_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written past torch's counting, between one package of a model and its next."""
    monkeypatch.setenv("CROSSLOOM_CACHE", str(tmp_path))
    model, _ = model_and_inputs("wav2vec2", "gpt2", compile="max")
    kept = KeptPackages(model)
    monkeypatch.setattr("compiler.compilation.kept.open_package", lambda file: file)
    addresses = ("encoder.",)

    def make(file: Path) -> None:
        file.touch()

    kept.open("the first", addresses, {"which": 1}, make)
    next(model.encoder.parameters()).data.add_(1)
    with pytest.raises(CrossloomError, match="have its parameters written to"):
        kept.open("the next", addresses, {"which": 2}, make)


def test_names_and_states_are_those_of_the_model(frozen: Any) -> None:
    plain, _ = model_and_inputs("bert", "gpt2")
    assert list(frozen.state_dict()) == list(plain.state_dict())


def test_a_pickle_of_it_is_the_model_alone(frozen: Any) -> None:
    plain = pickle.loads(pickle.dumps(frozen))
    assert plain.train().training
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), frozen.parameters(), strict=True))


def test_a_mode_that_is_none_is_refused(tiny_checkpoint: Callable[[int], Any]) -> None:
    with pytest.raises(ValueError, match="compile takes False, 'fast', 'max', not 'most'"):
        crossloom.from_pretrained(tiny_checkpoint(0), compile="most")  # type: ignore[arg-type]
