"""Checkpoints as older writers and other tools left them load to the same model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import crossloom
from blocks.positions import sinusoids
from tests.parity.cases import LOGITS, Case, difference, edit_config, read_case, save

MAPPED = 1e-6
"""Relative: a file may put a tensor at another alignment, where matrix kernels round differently."""


def same(case: Case, folder: Path) -> bool:
    """Whether a folder loads to bit-equal tensors, and outputs that differ by alignment alone."""
    loaded = crossloom.from_pretrained(folder)
    expected, found = dict(case.ours.state_dict()), dict(loaded.state_dict())
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    with torch.no_grad():
        return difference(loaded(**case.batch).logits, case.ours(**case.batch).logits) <= MAPPED


def copy_without_weights(case: Case, folder: Path) -> dict[str, Tensor]:
    """The configuration files in another folder; the tensors are returned."""
    for name in ("config.json", "generation_config.json"):
        (folder / name).write_bytes((case.folder / name).read_bytes())
    return dict(load_file(case.folder / "model.safetensors"))


def with_everything(case: Case, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tied copies and the computed tables, as a plain `torch.save` of an old release has them."""
    config = case.theirs.config
    tensors.setdefault("lm_head.weight", tensors["model.decoder.embed_tokens.weight"])
    for side, limit in (("encoder", config.max_source_positions), ("decoder", config.max_target_positions)):
        table = sinusoids(limit + 2, config.d_model, config.pad_token_id)
        tensors[f"model.{side}.embed_positions.weights"] = table
    return tensors


def test_a_pickle_with_tied_copies_and_tables(case: Case, tmp_path: Path) -> None:
    tensors = with_everything(case, copy_without_weights(case, tmp_path))
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    assert same(case, tmp_path)


def test_names_without_the_prefix(case: Case, tmp_path: Path) -> None:
    tensors = copy_without_weights(case, tmp_path)
    bare = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    save_file(bare, tmp_path / "model.safetensors")
    assert same(case, tmp_path)


def test_shards(case: Case, tmp_path: Path) -> None:
    copy_without_weights(case, tmp_path)
    case.theirs.save_pretrained(tmp_path, max_shard_size="5kB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert same(case, tmp_path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_and_computes(case: Case, tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = copy_without_weights(case, tmp_path)
    save_file({name: tensor.to(dtype) for name, tensor in tensors.items()}, tmp_path / "model.safetensors")
    halved = crossloom.from_pretrained(tmp_path)
    assert {p.dtype for p in halved.parameters()} == {dtype}
    widened = crossloom.from_pretrained(tmp_path, dtype=torch.float32)
    features = case.batch["input_features"]
    with torch.no_grad():
        logits = halved(**{**case.batch, "input_features": features.to(dtype)}).logits
        expected = widened(**case.batch).logits
    assert logits.dtype == dtype
    assert difference(logits.float(), expected) < 0.15


def test_several_end_ids(tmp_path: Path) -> None:
    folder = save(4, tmp_path, {"eos_token_id": [3, 5]})
    generation = json.loads((folder / "generation_config.json").read_text()) | {"eos_token_id": [3, 5]}
    (folder / "generation_config.json").write_text(json.dumps(generation))
    case = read_case(4, folder)
    assert case.ours.spec.config["eos_token_id"] == [3, 5]
    with torch.no_grad():
        assert difference(case.ours(**case.batch).logits, case.theirs(**case.batch).logits) <= LOGITS


@pytest.mark.parametrize("pad", [0, 1, 2, 7, 19])
def test_every_kind_of_pad_id(cases: Callable[[int], Case], tmp_path: Path, pad: int) -> None:
    folder = save(1, tmp_path)
    edit_config(folder, {"pad_token_id": pad})
    case = read_case(1, folder)
    ids = case.batch["decoder_input_ids"].clone()
    ids[1, 2] = pad
    given = {**case.batch, "decoder_input_ids": ids}
    with torch.no_grad():
        ours, theirs = case.ours(**given), case.theirs(**given)
        assert difference(ours.logits, theirs.logits) <= LOGITS
        if pad != 1:
            other = cases(1).ours(**given)
            assert difference(ours.logits, other.logits) > 1e-3, "the id changes positions"


def test_written_weights_leave_the_file_alone(tmp_path: Path) -> None:
    """Parameters share the mapped file copy on write: training in place does not reach the disk."""
    folder = save(2, tmp_path)
    before = (folder / "model.safetensors").read_bytes()
    model = crossloom.from_pretrained(folder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert (folder / "model.safetensors").read_bytes() == before
