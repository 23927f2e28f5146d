"""Every encoder beside every decoder, tiny: built, trained, generated with, saved and loaded again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from compiler.analysis import Analysis, analyse
from compiler.reader import read_text
from specs.families import FAMILIES
from tests.pairs.tiny import CELLS, EOS, LENGTH, PAD, START, TINY, random_inputs, random_labels, tiny


def analysed(text: str) -> Analysis:
    return analyse(read_text(text, "tiny.yaml"))


def exercised(text: str, folder: Path) -> Any:
    """Build, train until the loss is lower, generate, save, load bit-equal; the loaded model."""
    analysis = analysed(text)
    spec, graph = analysis.sound()
    model: Any = crossloom.build(spec, seed=1)
    given, labels = random_inputs(graph), random_labels()
    before = trained(model, given, labels)
    after = float(model.eval()(**given, labels=labels).loss.detach())
    assert after < before

    asked = {name: tensor for name, tensor in given.items() if name != "token_type_ids"}
    ids = crossloom.generate(model, **asked, max_new_tokens=LENGTH)
    assert isinstance(ids, torch.Tensor)
    assert ids.shape[0] == 2
    assert ids[:, 0].tolist() == [START] * 2
    assert ids.tolist() == greedy(model, asked, ids.shape[1])
    several = crossloom.generate(model, **asked, max_new_tokens=LENGTH, num_beams=3, num_return_sequences=2)
    assert isinstance(several, torch.Tensor)
    assert several.shape[0] == 4

    crossloom.export(model, folder / "out", format="crossloom")
    again: Any = crossloom.load(folder / "out" / "spec.yaml")
    ours, theirs = model.state_dict(), again.state_dict()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    for parameter in again.parameters():  # a mapped one lies elsewhere, and is summed in another order
        parameter.data = parameter.data.clone()
    with torch.no_grad():
        first, second = (one(**given, labels=labels).logits for one in (model, again))
    assert torch.equal(first, second)
    return again


def trained(model: Any, given: dict[str, torch.Tensor], labels: torch.Tensor) -> float:
    """Three steps of training, which reach the whole bridge; the loss before them."""
    before = float(model.eval()(**given, labels=labels).loss.detach())
    optimizer = torch.optim.Adam(model.train().parameters(), lr=1e-2)
    torch.manual_seed(0)
    for _ in range(3):
        optimizer.zero_grad()
        model(**given, labels=labels).loss.backward()
        optimizer.step()
    idle = [n for n, p in model.named_parameters() if n.startswith("enc_to_dec_proj.") and p.grad is None]
    assert idle == []
    return before


def greedy(model: Any, given: dict[str, torch.Tensor], length: int) -> list[list[int]]:
    """The likeliest ids one after another, everything computed anew for each: no cache."""
    ids = torch.full((2, 1), START)
    done = torch.zeros(2, dtype=torch.bool)
    with torch.no_grad():
        encoded = model.encode(**given)
        for _ in range(length - 1):
            likeliest = model.decode(ids, encoded)[:, -1].argmax(-1).masked_fill(done, PAD)
            done |= likeliest == EOS
            ids = torch.cat((ids, likeliest.unsqueeze(1)), dim=1)
    found: list[list[int]] = ids.tolist()
    return found


def test_every_family_has_a_tiny_configuration() -> None:
    assert set(TINY) == set(FAMILIES)


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_a_cell(cell: tuple[str, str], tmp_path: Path) -> None:
    """Unequal widths, so that a projection stands between them."""
    model = exercised(tiny(*cell), tmp_path)
    assert tuple(model.enc_to_dec_proj.weight.shape) == (12, 8)


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_equal_widths_need_no_bridge(cell: tuple[str, str]) -> None:
    analysis = analysed(tiny(*cell, widths=(8, 8)))
    assert [finding.code for finding in analysis.diagnostics] == []
    assert not any("enc_to_dec_proj" in address for address in analysis.sound()[1].parameters())
