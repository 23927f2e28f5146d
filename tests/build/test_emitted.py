"""What is reviewed is what runs: the emitted file alone computes the same bits."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from compiler.analysis import analyse
from compiler.build import build
from compiler.reader import read_text
from tests.build import emitted_runner
from tests.parity.cases import SEEDS, Case, difference

ROOT = Path(__file__).parents[2]


def unmapped(case: Case) -> Any:
    """The live model with its tensors copied out of the mapped file, whose alignment changes roundings."""
    model = crossloom.build(case.ours.spec).eval()
    model.load_state_dict(case.ours.state_dict())
    return model


def test_the_file_alone_computes_the_same_bits(cases: Callable[[int], Case], tmp_path: Path) -> None:
    folders = [tmp_path / str(seed) for seed in SEEDS]
    for seed, folder in zip(SEEDS, folders, strict=True):
        case = cases(seed)
        crossloom.emit(case.ours.spec, folder)
        torch.save((case.ours.state_dict(), case.batch), folder / "given.pt")
    command = [sys.executable, "-I", emitted_runner.__file__, *map(str, folders)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for seed, folder in zip(SEEDS, folders, strict=True):
        alone, live = (
            torch.load(folder / "outputs.pt"),
            emitted_runner.run(unmapped(cases(seed)), cases(seed).batch),
        )
        assert alone.pop("keys") == list(cases(seed).ours.state_dict())
        assert alone.keys() == live.keys()
        for name, tensor in live.items():
            assert torch.equal(alone[name], tensor), (seed, name)


@pytest.mark.parametrize("seed", SEEDS)
def test_mapped_and_copied_tensors_agree(cases: Callable[[int], Case], seed: int) -> None:
    case = cases(seed)
    mapped, copied = (emitted_runner.run(model, case.batch) for model in (case.ours, unmapped(case)))
    for name, tensor in copied.items():
        assert difference(mapped[name].float(), tensor.float()) <= 1e-6, name


@pytest.mark.parametrize("seed", SEEDS)
def test_the_live_module_is_the_emitted_text(cases: Callable[[int], Case], tmp_path: Path, seed: int) -> None:
    model = cases(seed).ours
    crossloom.emit(model.spec, tmp_path)
    module = sys.modules[type(model).__module__]
    assert module.__dict__["__source__"] == (tmp_path / "modeling.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", SEEDS)
def test_emitting_twice_gives_the_same_bytes(
    specs: Callable[[int], crossloom.Spec], tmp_path: Path, seed: int
) -> None:
    once = {path.name: path.read_bytes() for path in crossloom.emit(specs(seed), tmp_path / "once")}
    twice = {path.name: path.read_bytes() for path in crossloom.emit(specs(seed), tmp_path / "twice")}
    assert once == twice
    assert sorted(once) == ["README.md", "modeling.py", "spec.yaml", "weights.json"]


def test_hash_order_does_not_show(specs: Callable[[int], crossloom.Spec], tmp_path: Path) -> None:
    """Sets iterate differently in every process; the emitted text may not."""
    (tmp_path / "spec.yaml").write_text(specs(3).to_yaml(), encoding="utf-8")
    program = "import sys, crossloom; crossloom.emit(sys.argv[1], sys.argv[2])"
    texts = []
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "spec.yaml"), str(folder)],
            cwd=ROOT,
            check=True,
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
        )
        texts.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert texts[0] == texts[1]


def test_tracebacks_show_the_emitted_line(cases: Callable[[int], Case]) -> None:
    case = cases(0)
    with pytest.raises(ValueError, match="give input_features") as raised:
        case.ours()
    text = "".join(traceback.format_exception(raised.value))
    assert 'raise ValueError("give input_features' in text


def test_what_is_no_encoders_output_is_refused(cases: Callable[[int], Case]) -> None:
    case = cases(0)
    encoded = case.ours.encode(case.batch["input_features"])
    ids = case.batch["decoder_input_ids"]
    for given in (tuple(encoded), list(encoded), encoded.hidden):
        with pytest.raises(TypeError, match=f"not a {type(given).__name__}"):
            case.ours(encoder_outputs=given, decoder_input_ids=ids)
        with pytest.raises(TypeError, match="of `encode`"):
            case.ours.decode(ids, given)


@pytest.mark.parametrize("field", ["labels", "decoder_input_ids"])
def test_ids_outside_the_vocabulary_are_named(cases: Callable[[int], Case], field: str) -> None:
    case = cases(1)
    ids = case.batch["decoder_input_ids"].clone()
    vocabulary = case.ours.spec.config["vocab_size"]
    ids[1, 2] = vocabulary
    features = case.batch["input_features"]
    with pytest.raises(ValueError, match=rf"{field}\[1, 2\] is {vocabulary}, and ids go from 0"):
        case.ours(features, **{field: ids})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"input_features": lambda given: given.double()}, "torch.float64, and the model computes in"),
        ({"input_features": lambda given: given.long()}, "torch.int64, and the model computes in"),
        ({"input_features": lambda given: given.numpy()}, "input_features is no torch tensor: ndarray"),
        ({"attention_mask": lambda given: given.tolist()}, "attention_mask is no torch tensor: list"),
        ({"attention_mask": lambda given: given * 2}, r"attention_mask\[0, 0\] is 2"),
        ({"decoder_attention_mask": lambda given: given * 3}, r"decoder_attention_mask\[0, 0\] is 3"),
        ({"decoder_input_ids": lambda given: given[0]}, "int64 ids"),
        ({"decoder_input_ids": lambda given: given[:1]}, r"is \[1, \d+\], not \[3, T\]"),
    ],
)
def test_inputs_that_would_be_misread_are_refused(
    cases: Callable[[int], Case], given: dict[str, Callable[[Any], Any]], says: str
) -> None:
    case = cases(1)
    batch = dict(case.batch)
    batch["decoder_attention_mask"] = torch.ones_like(batch["decoder_input_ids"])
    batch |= {name: change(batch[name]) for name, change in given.items()}
    with pytest.raises((TypeError, ValueError), match=says):
        case.ours(**batch)


TEXT = """
crossloom: 1
name: text
graph:
  inputs:
    input_ids: {role: token_ids, dims: [batch, tokens]}
    token_type_ids: {role: token_ids, dims: [batch, tokens], optional: true}
    attention_mask: {role: mask, dims: [batch, tokens], optional: true}
  nodes:
    embed: {block: token_embedding, with: {vocabulary: 9, width: 8}, inputs: {ids: input_ids}}
    types:
      block: add_types
      with: {types: 2, width: 8}
      inputs: {hidden: embed.hidden, types: token_type_ids}
    layers:
      block: pre_norm_encoder
      with: {layers: 1, width: 8, heads: 2, inner: 8}
      inputs: {hidden: types.hidden, mask: attention_mask}
  outputs: {hidden: layers.hidden}
"""


def test_ids_of_an_encoder_are_held_against_their_tables() -> None:
    model: Any = build(*analyse(read_text(TEXT, "text.yaml")).sound())
    ids = torch.tensor([[8, 1]])
    model.encode(ids)
    model.encode(ids, torch.tensor([[1, 0]]), torch.tensor([[0, 1]]))
    for given, says in (
        ((ids + 1,), r"input_ids\[0, 0\] is 9, and ids go from 0 to 8"),
        ((ids, ids - 6), r"token_type_ids\[0, 0\] is 2, and ids go from 0 to 1"),
        ((ids.int(),), "input_ids are int64 ids"),
    ):
        with pytest.raises(ValueError, match=says):
            model.encode(*given)


def test_the_model_says_which_masks_are_lengths(cases: Callable[[int], Case]) -> None:
    assert cases(0).ours.length_masks == {"input_features": ("attention_mask",)}
    assert build(*analyse(read_text(TEXT, "text.yaml")).sound()).length_masks == {}


@pytest.mark.parametrize("form", ["pickle", "torch.save"])
def test_a_pickled_model_opens_in_a_fresh_process(
    cases: Callable[[int], Case], tmp_path: Path, form: str
) -> None:
    case = cases(1)
    if form == "pickle":
        (tmp_path / "model").write_bytes(pickle.dumps(case.ours))
        read = "import pickle; model = pickle.load(open('model', 'rb'))"
    else:
        torch.save(case.ours, tmp_path / "model")
        read = "model = torch.load('model', weights_only=False)"
    torch.save(case.batch, tmp_path / "batch")
    program = f"""
import sys, torch
sys.path.insert(0, {str(ROOT)!r})
{read}
assert not model.training
assert model.spec.config["d_model"] == {case.ours.spec.config["d_model"]}
with torch.no_grad():
    torch.save(model(**torch.load("batch")).logits, "logits")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with torch.no_grad():
        assert torch.equal(torch.load(tmp_path / "logits"), case.ours(**case.batch).logits)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_copy_is_apart_and_keeps_its_ties(cases: Callable[[int], Case], seed: int) -> None:
    model = cases(seed).ours
    for copied in (deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(copied) is type(model)
        assert copied.spec.data == model.spec.data
        state, other = model.state_dict(), copied.state_dict()
        assert list(state) == list(other)
        assert all(torch.equal(state[name], other[name]) for name in state)
        tied = model.head.weight is model.decoder.embed.tokens.weight
        assert (copied.head.weight is copied.decoder.embed.tokens.weight) is tied
        assert copied.head.weight.data_ptr() != model.head.weight.data_ptr()


def test_a_state_dict_goes_through_a_file(cases: Callable[[int], Case]) -> None:
    case = cases(2)
    fresh = crossloom.build(case.ours.spec, seed=9).eval()
    stream = io.BytesIO()
    torch.save(case.ours.state_dict(), stream)
    stream.seek(0)
    fresh.load_state_dict(torch.load(stream))
    with torch.no_grad():
        assert torch.equal(fresh(**case.batch).logits, case.ours(**case.batch).logits)
