"""A dtype for each side of a model: parity within what is rounded, refusals, the way from inputs to ids."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from crossloom import CrossloomError
from tests.parity.cases import SEEDS, read_case, save

MIXED = {"encoder": torch.bfloat16, "decoder": torch.float32}


def dtypes(module: torch.nn.Module) -> set[torch.dtype]:
    tensors = (*module.parameters(), *module.buffers())
    return {tensor.dtype for tensor in tensors if tensor.is_floating_point()}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_half_encoder_before_a_whole_decoder(tmp_path: Path, seed: int) -> None:
    case = read_case(seed, save(seed, tmp_path / "model"))
    model = crossloom.from_pretrained(tmp_path / "model", dtype=MIXED)
    assert dtypes(model.encoder) == {torch.bfloat16}
    assert dtypes(model.decoder) == dtypes(model.head) == {torch.float32}
    halves = crossloom.from_pretrained(tmp_path / "model", dtype=torch.bfloat16)
    given = {**case.batch, "input_features": case.batch["input_features"].bfloat16()}
    inputs = {name: given[name] for name in ("input_features", "attention_mask")}
    with torch.no_grad():
        states = model.encode(**inputs)
        assert states.hidden.dtype == torch.float32
        assert torch.equal(states.hidden.bfloat16(), halves.encode(**inputs).hidden), "rounded nowhere else"
        whole = case.ours.decode(given["decoder_input_ids"], states)
        assert torch.equal(model.decode(given["decoder_input_ids"], states), whole)
        assert torch.equal(model(**given).logits, whole)
        steps = [
            one.decode(given["decoder_input_ids"][:, :1], states, one.new_cache(len(whole), 8, states))
            for one in (model, case.ours)
        ]
        assert torch.equal(*steps)


def test_what_is_not_named_stays_as_it_is_stored(tmp_path: Path) -> None:
    save(0, tmp_path / "model")
    model = crossloom.from_pretrained(tmp_path / "model", dtype={"decoder": torch.float64})
    assert dtypes(model.encoder) == {torch.float32}
    assert dtypes(model.decoder) == {torch.float64}


def test_build_and_load_agree() -> None:
    model = crossloom.build("digits", dtype=MIXED)
    assert model.training
    assert dtypes(model.encoder) == {torch.bfloat16}
    assert dtypes(model.decoder) == {torch.float32}
    loss = model(torch.zeros(1, 16, 80, dtype=torch.bfloat16), labels=torch.tensor([[4, 2]])).loss
    loss.backward()
    assert all(p.grad is not None and p.grad.dtype == p.dtype for p in model.encoder.parameters())


def test_inputs_have_the_dtype_of_the_encoder() -> None:
    model = crossloom.build("digits", dtype=MIXED).eval()
    with pytest.raises(ValueError, match=r"input_features is torch.float32, and the model .* torch.bfloat16"):
        model.encode(torch.zeros(1, 16, 80))
    with pytest.raises(CrossloomError, match="XL103"):
        crossloom.generate(model, input_features=torch.zeros(1, 16, 80), max_new_tokens=3)
    ids = crossloom.generate(model, input_features=torch.zeros(1, 16, 80).bfloat16(), max_new_tokens=3)
    assert isinstance(ids, torch.Tensor)


def test_recordings_to_texts() -> None:
    audio = ["examples/digits/audio/six_zero_two_two.wav"]
    model = crossloom.load("digits", dtype=MIXED)
    assert crossloom.transcribe(model, audio) == crossloom.transcribe("digits", audio)


def test_a_mixed_model_is_exported_in_the_wider_dtype(tmp_path: Path) -> None:
    save(0, tmp_path / "model")
    model = crossloom.from_pretrained(tmp_path / "model", dtype=MIXED)
    crossloom.export(model, tmp_path / "out")
    assert '"dtype": "float32"' in (tmp_path / "out" / "config.json").read_text()
    again = crossloom.from_pretrained(tmp_path / "out", dtype=MIXED)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_a_copy_computes_in_the_same_dtypes() -> None:
    model = crossloom.build("digits", dtype=MIXED).eval()
    again = pickle.loads(pickle.dumps(model))
    features = torch.ones(1, 16, 80).bfloat16()
    assert torch.equal(model.encode(features).hidden, again.encode(features).hidden)


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ({"encodr": torch.bfloat16}, ["'encodr'", "did you mean `encoder`?"]),
        ({"head": torch.float32}, ["'head'", "encoder and decoder"]),
        ({"encoder": torch.int32}, ["the encoder", "torch.int32", "torch.int8"]),
        ({"decoder": "bfloat16"}, ["the decoder", "'bfloat16'", "torch.bfloat16"]),
        ({"encoder": torch.uint8, "x": torch.float32}, ["torch.uint8", "'x'"]),
    ],
)
@pytest.mark.parametrize("entry", [crossloom.build, crossloom.load])
def test_what_no_side_can_have(entry: Any, dtype: Any, words: list[str]) -> None:
    with pytest.raises(CrossloomError) as refused:
        entry("digits", dtype=dtype)
    told = "\n".join(f"{one.message} {one.help}" for one in refused.value.diagnostics)
    assert {one.code for one in refused.value.diagnostics} == {"XL112"}
    assert all(word in told for word in words), told


def test_a_shared_embedding_has_one_dtype() -> None:
    with pytest.raises(CrossloomError, match=r"XL112.*are one parameter") as refused:
        crossloom.build("bart-base", dtype=MIXED)
    (finding,) = refused.value.diagnostics
    assert "embed" in finding.message


def test_a_model_of_many_parts_has_one_dtype() -> None:
    with pytest.raises(CrossloomError, match=r"XL112.*more parts"):
        crossloom.build("small-translator", dtype=MIXED)
