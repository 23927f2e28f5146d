"""Checkpoints for a class with fewer parts or more, and one embedding under several names."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from compiler.checkpoint.resolve import resolve
from compiler.reports.weights import verified_lines
from compiler.verifying.checkpoint import verify_component
from tests.oracle import respelt
from tests.seamless.conftest import Folders, Published
from tests.seamless.oracle import CLASSES, DEDICATED, MULTITASK, decoder_ids, speech_batch, text_batch
from tests.seamless.settings import UNTIED
from tests.seamless.specs import spec_of

SHARED = ("shared", "lm_head", "text_encoder.embed_tokens", "text_decoder.embed_tokens")
"""One embedding, under the names it has in files."""
NORMED = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)
"""What magnitude and direction of a normed weight are called."""


@pytest.mark.parametrize("architecture", CLASSES)
def test_import_names_the_class(folders: Folders, architecture: str) -> None:
    """But for the one that is meant where none is named."""
    model = crossloom.import_spec(folders(0, architecture)).components["model"]
    assert model.architecture == (None if architecture == MULTITASK else architecture)


@pytest.mark.parametrize("architecture", DEDICATED)
def test_what_a_class_leaves_alone_is_told_with_its_reason(
    folders: Folders, published: Published, architecture: str
) -> None:
    folder = folders(UNTIED)
    spec = spec_of(folder, architecture)
    assert crossloom.verify(spec) == []
    found = verify_component(spec, crossloom.weight_table(spec), "model", resolve(folder))
    assert found.resolution is not None
    whole, part = (published(UNTIED, name).state_dict().keys() for name in (MULTITASK, architecture))
    absent = f"{architecture} has no "
    lacking = {n: reason for n, reason in found.resolution.ignored.items() if reason.startswith(absent)}
    assert lacking.keys() == whole - part
    lines = "\n".join(verified_lines(found))
    assert all(reason in lines for reason in lacking.values())


@pytest.mark.parametrize("kept", SHARED)
def test_the_shared_embedding_is_read_under_any_of_its_names(
    folders: Folders, published: Published, kept: str, tmp_path: Path
) -> None:
    folder = _copy(folders(0), tmp_path)
    respelt(folder, lambda tensors: {n.replace("shared.", f"{kept}."): t for n, t in tensors.items()})
    given = _given(published(0).config, 0, MULTITASK)
    expected = _logits(crossloom.from_pretrained(folders(0)), given)
    assert torch.equal(_logits(crossloom.from_pretrained(folder), given), expected)


@pytest.mark.parametrize("spoilt", SHARED[1:])
def test_copies_of_the_shared_embedding_are_compared(folders: Folders, spoilt: str, tmp_path: Path) -> None:
    folder = _copy(folders(0), tmp_path)

    def copied(tensors: dict[str, Tensor], more: float = 0.0) -> dict[str, Tensor]:
        copies = {f"{name}.weight": tensors["shared.weight"].clone() for name in SHARED}
        copies[f"{spoilt}.weight"][3, 1] += more
        return tensors | copies

    respelt(folder, copied)
    crossloom.from_pretrained(folder)
    respelt(folder, lambda tensors: copied(tensors, 1.0))
    with pytest.raises(crossloom.CrossloomError) as refused:
        crossloom.from_pretrained(folder)
    (finding,) = refused.value.diagnostics
    assert finding.code == "XL506"
    assert f"{spoilt}.weight" in finding.message


@pytest.mark.parametrize("spelling", NORMED)
def test_normed_weights_of_a_vocoder_that_is_not_there_are_left_alone(
    folders: Folders, spelling: tuple[str, str], tmp_path: Path
) -> None:
    folder = _copy(folders(0), tmp_path)

    def normed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Every weight of the generator as its magnitude and direction."""
        for name in [n for n in tensors if n.startswith("vocoder.hifi_gan") and n.endswith(".weight")]:
            weight = tensors.pop(name)
            norm = weight.norm(dim=tuple(range(1, weight.dim())), keepdim=True)
            for ending, made in zip(spelling, (norm, weight), strict=True):
                tensors[name.removesuffix("weight") + ending] = made
        return tensors

    respelt(folder, normed)
    assert crossloom.verify(spec_of(folder, "SeamlessM4Tv2ForTextToText")) == []
    assert crossloom.verify(spec_of(folder, MULTITASK)) == []


@pytest.mark.parametrize("part", ["text_encoder", "text_decoder"])
@pytest.mark.parametrize("change", [0.0, 0.1])
def test_stored_sinusoids_must_be_the_formula(
    folders: Folders, published: Published, part: str, change: float, tmp_path: Path
) -> None:
    """No published file has them; a file that keeps what was computed is read if it is that."""
    folder = _copy(folders(0), tmp_path)
    table = getattr(published(0), part).embed_positions.weights + change
    respelt(folder, lambda tensors: {**tensors, f"{part}.embed_positions.weights": table})
    if change:
        with pytest.raises(crossloom.CrossloomError, match="XL512"):
            crossloom.from_pretrained(folder)
    else:
        crossloom.from_pretrained(folder)


def test_a_part_that_the_checkpoint_lacks_is_missing(folders: Folders) -> None:
    folder = folders(0, "SeamlessM4Tv2ForSpeechToText")
    told = crossloom.verify(spec_of(folder, MULTITASK))
    assert {one.code for one in told} == {"XL501"}
    for part in ("text_encoder.", "unit_decoder.", "vocoder.generator."):
        assert any(part in line for one in told for line in one.info), part


def _copy(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to / "copy")
    return to / "copy"


def _given(config: Any, seed: int, architecture: str) -> dict[str, Tensor]:
    batch = speech_batch if "ForSpeech" in architecture else text_batch
    return {**batch(config, seed), "decoder_input_ids": decoder_ids(config, seed)}


def _logits(ours: Any, given: dict[str, Tensor]) -> Tensor:
    inputs = {name: tensor for name, tensor in given.items() if name != "decoder_input_ids"}
    with torch.no_grad():
        logits: Tensor = ours.decode(given["decoder_input_ids"], ours.encode(**inputs))
    return logits
