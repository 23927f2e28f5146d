"""The examples that are emitted in full use every block, and those that name no checkpoint can be trained."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import torch

import crossloom
from compiler.analysis import analyse
from compiler.catalogue import names
from compiler.emission.examples import FULL
from runtime.processing import front_ends
from specs.signatures import SIGNATURES

ROOT = Path(__file__).parents[2]
SMALL = [name for name in names() if name.startswith("small-")]
IN_FRONT = {
    made.__module__.removeprefix("blocks.")
    for made in vars(front_ends).values()
    if isinstance(made, type) and made.__module__.startswith("blocks.")
}
"""Modules of blocks that prepare inputs and are emitted into no model."""


def classes(source: str) -> set[str]:
    return {node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def test_the_examples_use_every_block() -> None:
    kinds = {node.kind for name in FULL for node in analyse(name).sound()[1].nodes.values()}
    assert SIGNATURES.keys() - kinds == set()


REPLACING = {"Int8Projection"}
"""Classes that are never emitted: a live model has them where its weights are stored otherwise."""


def test_the_examples_show_every_class() -> None:
    written = {
        name
        for file in (ROOT / "blocks").glob("*.py")
        if file.stem not in IN_FRONT
        for name in classes(file.read_text(encoding="utf-8"))
    }
    shown = {
        name
        for example in FULL
        for name in classes((ROOT / "generated" / example / "modeling.py").read_text(encoding="utf-8"))
    }
    assert written - shown == REPLACING


@pytest.mark.parametrize("name", SMALL)
def test_what_names_no_checkpoint_learns(name: str) -> None:
    model = crossloom.build(name, seed=0)
    batch = inputs_of(crossloom.lower(name))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(4):
        torch.manual_seed(0)
        loss = model(**batch).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.5, losses
    model.eval()
    given = {key: value for key, value in batch.items() if key != "labels"}
    given["decoder_input_ids"] = torch.full((2, 1), 4)  # some texts begin with their language
    ids = crossloom.generate(model, **given, num_beams=2, max_new_tokens=4)
    assert isinstance(ids, torch.Tensor)
    assert len(ids) == 2


def inputs_of(graph: Any) -> dict[str, torch.Tensor]:
    """Two samples of random numbers with labels."""
    generator = torch.Generator().manual_seed(0)
    sizes = {"waveform": (2, 6000), "features": (2, 120, 80), "image": (2, 3, 32, 32)}
    (kept,) = (key for key, type_ in graph.inputs.items() if type_.role in ("waveform", "features", "image"))
    type_ = graph.inputs[kept]
    size = [dim.value or given for dim, given in zip(type_.dims, sizes[type_.role], strict=True)]
    labels = torch.randint(4, 1000, (2, 6), generator=generator)
    return {kept: torch.randn(size, generator=generator), "labels": labels}
