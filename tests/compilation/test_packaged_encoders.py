"""Encoders from packages: equal to the model's own method, which has all that a package does not serve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram, export

import crossloom
from compiler.compilation import packaged_encoders
from compiler.compilation.kept import KeptPackages
from compiler.compilation.packages import Package
from compiler.compilation.store import store_folder
from compiler.diagnostics import CrossloomError
from tests.compilation.models import model_and_inputs
from tests.pairs.tiny import ENCODERS, LENGTH, VOCABULARY, random_inputs
from tests.parity.cases import difference

POSITIONS = 20
Inputs = dict[str, Any]


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    """A model whose encoder is a package, made of a batch of 1, and the same in eager mode."""
    packaged = model_and_inputs("bert", "gpt2", compile="max")[0]
    encoded(packaged, sentences(packaged, rows=1))
    return packaged, model_and_inputs("bert", "gpt2")[0]


@pytest.fixture
def speech() -> tuple[Any, Any, dict[str, Tensor]]:
    """The same of an encoder of numbers, and inputs; nothing is compiled until it encodes."""
    packaged, inputs = model_and_inputs("wav2vec2", "gpt2", compile="max")
    return packaged, model_and_inputs("wav2vec2", "gpt2")[0], inputs


@pytest.fixture
def empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept that was compiled before."""
    monkeypatch.setenv("CROSSLOOM_CACHE", str(tmp_path))


def sentences(model: Any, rows: int = 2, length: int = LENGTH) -> dict[str, Tensor]:
    return random_inputs(crossloom.lower(model.spec), rows, seed=rows, longer=length - LENGTH)


def ids_alone(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"input_ids": inputs["input_ids"]}


def encoded(model: Any, inputs: Inputs) -> Any:
    with torch.no_grad():
        return model.encode(**inputs)


def by_package(model: Any, inputs: Inputs, encoder: str = "encode") -> Any:
    """What the package of an encoder computes: the model's own method is out of reach."""
    encoded(model, inputs)  # compiled now, unless it is

    def refuse(**_: object) -> None:
        raise AssertionError("no package has encoded")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(getattr(model, encoder), "_own", refuse)
        return encoded(model, inputs)


def assert_equal(found: Any, expected: Any) -> None:
    assert type(found).__name__ == type(expected).__name__ == "Encoded"
    assert found.hidden.shape == expected.hidden.shape
    assert difference(found.hidden, expected.hidden) <= 1e-6
    assert (found.mask is None) == (expected.mask is None)
    assert found.mask is None or torch.equal(found.mask, expected.mask)


@pytest.mark.parametrize("length", [2, LENGTH, POSITIONS])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_one_package_encodes_all_sizes(pair: Any, rows: int, length: int) -> None:
    packaged, eager = pair
    inputs = sentences(eager, rows, length)
    assert_equal(by_package(packaged, inputs), encoded(eager, inputs))


@pytest.mark.parametrize("rows", [1, 3])
def test_without_a_mask_there_is_none(pair: Any, rows: int) -> None:
    packaged, eager = pair
    inputs = ids_alone(sentences(eager, rows, LENGTH + 2))
    found = by_package(packaged, inputs)
    assert found.mask is None
    assert_equal(found, encoded(eager, inputs))


def test_inputs_may_lie_in_any_order(pair: Any) -> None:
    packaged, eager = pair
    inputs = {name: tensor.t().contiguous().t() for name, tensor in sentences(eager, 3).items()}
    assert not any(tensor.is_contiguous() for tensor in inputs.values())
    assert_equal(by_package(packaged, inputs), encoded(eager, inputs))


def test_inputs_may_be_given_by_place(pair: Any) -> None:
    packaged, eager = pair
    inputs = sentences(eager)
    with torch.no_grad():
        found = packaged.encode(*inputs.values())
    assert_equal(found, encoded(eager, inputs))


def test_the_next_process_needs_no_compiler(pair: Any, without_compiler: None) -> None:
    again, _ = model_and_inputs("bert", "gpt2", compile="max")
    inputs = sentences(again, rows=3)
    assert torch.equal(by_package(again, inputs).hidden, by_package(pair[0], inputs).hidden)


@pytest.mark.parametrize(("rows", "length"), [(2, 1), (1, 1), (0, LENGTH)])
def test_sizes_that_no_package_serves_are_encoded_all_the_same(pair: Any, rows: int, length: int) -> None:
    packaged, eager = pair
    given = {name: tensor[:rows, :length] for name, tensor in sentences(eager).items()}
    assert torch.equal(encoded(packaged, given).hidden, encoded(eager, given).hidden)


def _changed(name: str, change: Callable[[Tensor], Any]) -> Callable[[Inputs], Inputs]:
    return lambda given: given | {name: change(given[name])}


REFUSED: dict[str, Callable[[Inputs], Inputs]] = {
    "nothing": lambda given: given | {"input_ids": None},
    "a list": _changed("input_ids", Tensor.tolist),
    "an id outside": _changed("input_ids", lambda ids: ids + VOCABULARY),
    "a type outside": _changed("token_type_ids", lambda ids: ids + 2),
    "ids of 32 bits": _changed("input_ids", Tensor.int),
    "ids of rank 3": _changed("input_ids", lambda ids: ids[None]),
    "a mask of 2": _changed("attention_mask", lambda mask: mask * 2),
    "a mask that is longer": _changed("attention_mask", lambda mask: mask.repeat(1, 2)),
    "types that are shorter": _changed("token_type_ids", lambda ids: ids[:, :-1]),
    "more than the positions": lambda given: {name: one.repeat(1, 3) for name, one in given.items()},
}


@pytest.mark.parametrize("which", REFUSED)
def test_what_is_refused_is_refused_in_the_same_words(pair: Any, which: str) -> None:
    packaged, eager = pair
    inputs = REFUSED[which](sentences(eager))
    with pytest.raises(Exception, match=r".") as expected:
        encoded(eager, inputs)
    with pytest.raises(expected.type) as found:
        encoded(packaged, inputs)
    assert str(found.value) == str(expected.value)


def test_a_gradient_goes_through_the_method(speech: Any) -> None:
    gradients = []
    for model in speech[:2]:
        values = speech[2]["input_values"].clone().requires_grad_()
        model.encode(values, speech[2]["attention_mask"]).hidden.square().sum().backward()
        gradients.append(values.grad)
    assert gradients[0].abs().max() > 0
    assert torch.equal(gradients[0], gradients[1])


def test_autocast_reaches_the_method(speech: Any) -> None:
    packaged, eager, inputs = speech
    with torch.autocast("cpu", torch.bfloat16):
        found, expected = (encoded(model, inputs).hidden for model in (packaged, eager))
    assert torch.equal(found, expected)
    assert not torch.equal(found, encoded(eager, inputs).hidden)


def test_a_parameter_that_was_written_to_is_noticed(speech: Any) -> None:
    packaged, _, inputs = speech
    with torch.no_grad():
        next(packaged.encoder.parameters()).add_(1)
    with pytest.raises(CrossloomError) as raised:
        encoded(packaged, inputs)
    assert [finding.code for finding in raised.value.diagnostics] == ["XL603"]


@pytest.mark.parametrize(
    ("error", "told"),
    [(RuntimeError("no such size\nand more"), "no such size"), (KeyError(), "KeyError")],
)
def test_what_cannot_be_exported_is_told_once_and_encoded(
    speech: Any,
    error: Exception,
    told: str,
    empty_store: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    packaged, eager, inputs = speech
    monkeypatch.setattr(packaged_encoders, "exported", fail)
    for _ in range(2):
        assert torch.equal(encoded(packaged, inputs).hidden, encoded(eager, inputs).hidden)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "compiling `encode` for this machine, about half a minute, once",
        f"`encode` stays as it is, not compiled: {told}",
    ]
    assert not list(store_folder().iterdir())


def test_inputs_at_fault_leave_others_their_package(pair: Any, capsys: pytest.CaptureFixture[str]) -> None:
    packaged, _ = model_and_inputs("bert", "gpt2", compile="max")
    good = sentences(packaged)
    long = {name: tensor.repeat(1, 3) for name, tensor in good.items()}
    with pytest.raises(ValueError, match="21 positions were asked for"):
        encoded(packaged, long)
    assert "not compiled" not in capsys.readouterr().err
    assert_equal(by_package(packaged, good), encoded(pair[1], good))


def _as_they_are(function: nn.Module, _: object, given: Inputs) -> ExportedProgram:
    """Exported with every size fixed."""
    return export(function.eval(), tuple(given.values()), strict=False)


def test_sizes_that_torch_fixes_are_told_and_no_package(
    empty_store: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packaged, inputs = model_and_inputs("bert", "gpt2", compile="max")
    eager, _ = model_and_inputs("bert", "gpt2")
    monkeypatch.setattr(packaged_encoders, "exported", _as_they_are)
    assert torch.equal(encoded(packaged, inputs).hidden, encoded(eager, inputs).hidden)
    told = "torch fixes its sizes: it would take 3 batch, 11 source, not 2 batch, 10 source"
    assert f"`encode` stays as it is, not compiled: {told}" in capsys.readouterr().err
    assert not list(store_folder().iterdir())


FIRST_SHORT = {
    "wav2vec2": (-43, 0, 400),
    "wav2vec2-conformer": (-43, 0, 400),
    "speech_to_text": (-4, 0, 33),
    "bert": (-5, 0, 13),
    "swin": (0,),
    "vit": (0,),
}
"""Encoder -> from the shortest that has two positions to the longest, by how much lengths are changed."""


@pytest.mark.parametrize(
    "encoder",
    [one if one == "wav2vec2" else pytest.param(one, marks=pytest.mark.nightly) for one in FIRST_SHORT],
)
def test_the_first_inputs_decide_nothing(encoder: str, empty_store: None) -> None:
    packaged, _ = model_and_inputs(encoder, "gpt2", compile="max")
    eager, _ = model_and_inputs(encoder, "gpt2")
    graph = crossloom.lower(eager.spec)
    shortest = random_inputs(graph, 1, longer=-100)
    found, expected = (encoded(model, shortest).hidden for model in (packaged, eager))
    assert torch.allclose(found, expected, atol=1e-6, equal_nan=True)  # of a row that a mask hides
    for longer in FIRST_SHORT[encoder]:
        for rows in (1, 2, 20):
            inputs = random_inputs(graph, rows, seed=rows, longer=longer)
            assert_equal(by_package(packaged, inputs), encoded(eager, inputs))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The facts of every package that is opened; none of them has notes."""
    asked: list[dict[str, Any]] = []

    def open(_: object, what: str, addresses: object, facts: dict[str, Any], make: object) -> Package:
        asked.append(facts)
        return Package(lambda tensors: tensors, {})

    monkeypatch.setattr(KeptPackages, "open", open)
    return asked


def test_other_inputs_of_the_same_dtypes_are_another_package(opened: list[dict[str, Any]]) -> None:
    packaged, _ = model_and_inputs("bert", "gpt2", compile="max")
    ids = ids_alone(sentences(packaged))
    ones = torch.ones_like(ids["input_ids"])
    for name in ("attention_mask", "token_type_ids", "attention_mask"):
        encoded(packaged, {**ids, name: ones})
    assert [list(facts["inputs"]) for facts in opened] == [
        ["input_ids", "attention_mask"],
        ["input_ids", "token_type_ids"],
    ]


def test_a_package_that_does_not_say_what_it_serves_serves_nothing(
    pair: Any, opened: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    packaged, _ = model_and_inputs("bert", "gpt2", compile="max")
    inputs = sentences(packaged)
    assert torch.equal(encoded(packaged, inputs).hidden, encoded(pair[1], inputs).hidden)
    told = "`encode` stays as it is, not compiled: which sizes the package serves was not kept with it"
    assert told in capsys.readouterr().err


def test_no_compiler_is_an_error_and_no_reason_to_be_slow(
    speech: Any, empty_store: None, without_compiler: None
) -> None:
    packaged, _, inputs = speech
    with pytest.raises(CrossloomError) as raised:
        encoded(packaged, inputs)
    assert [finding.code for finding in raised.value.diagnostics] == ["XL606"]


@pytest.mark.nightly
@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_is_packaged(encoder: str) -> None:
    packaged, _ = model_and_inputs(encoder, "gpt2", compile="max")
    eager, _ = model_and_inputs(encoder, "gpt2")
    graph = crossloom.lower(eager.spec)
    for rows, longer in ((2, 0), (1, 0), (3, 0), (3, 5), (1, 11)):
        inputs = random_inputs(graph, rows, seed=rows, longer=longer)
        assert_equal(by_package(packaged, inputs), encoded(eager, inputs))
