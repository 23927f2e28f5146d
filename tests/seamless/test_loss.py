"""The loss of the text tasks is the published one, and what is learnt from it are the parts used."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from tests.parity.cases import LOGITS, LOSS, difference
from tests.seamless.conftest import Folders, Live, Published
from tests.seamless.settings import SEEDS
from tests.seamless.tasks import WRITING, Task

each = pytest.mark.parametrize("seed", SEEDS)
every_task = pytest.mark.parametrize("task", WRITING, ids=str)

ENCODERS = {"speech": "speech_encoder", "text": "text_encoder"}


def labels_of(config: Any, seed: int, ignored: float = 0.3) -> Tensor:
    """Random labels [3, 6], of which some are -100; the first of a row never."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(config.vocab_size, (3, 6), generator=generator)
    dropped = torch.rand(labels.shape, generator=generator) < ignored
    dropped[:, 0] = False
    return labels.masked_fill(dropped, -100)


@each
@every_task
@pytest.mark.parametrize("ignored", [0.0, 0.3])
def test_loss(live: Live, published: Published, seed: int, task: Task, ignored: float) -> None:
    theirs, ours = published(seed, task.architecture), live(seed, task.architecture)
    batch, labels = task.batch(theirs.config, seed), labels_of(theirs.config, seed, ignored)
    with torch.no_grad():
        made, expected = (model(**batch, labels=labels) for model in (ours, theirs))
    assert abs(float(made.loss - expected.loss)) <= LOSS * float(expected.loss)
    assert difference(made.logits, expected.logits) <= LOGITS


@every_task
def test_labels_are_shifted_once(live: Live, published: Published, task: Task) -> None:
    """The first label is predicted from the start id; with ids and labels both, nothing is shifted."""
    theirs, ours = published(1, task.architecture), live(1, task.architecture)
    batch, labels = task.batch(theirs.config, 1), labels_of(theirs.config, 1, 0.0)
    start = torch.full((3, 1), theirs.config.decoder_start_token_id)
    shifted = torch.cat((start, labels[:, :-1]), dim=1)
    with torch.no_grad():
        alone = ours(**batch, labels=labels)
        given = ours(**batch, labels=labels, decoder_input_ids=shifted)
        expected = theirs(**batch, labels=labels, decoder_input_ids=shifted)
        unshifted = ours(**batch, labels=labels, decoder_input_ids=labels)
    assert torch.equal(alone.logits, given.logits)
    assert torch.equal(alone.loss, given.loss)
    # The public class shifts the labels into ids whatever ids are given.
    assert abs(float(given.loss - expected.loss)) <= LOSS * float(expected.loss)
    assert abs(float(unshifted.loss - alone.loss)) > 1e-2


@every_task
def test_nothing_is_learnt_where_all_labels_are_ignored(live: Live, published: Published, task: Task) -> None:
    ours = live(1, task.architecture)
    batch = task.batch(published(1).config, 1)
    made = ours(**batch, labels=torch.full((3, 4), -100))
    assert float(made.loss) == 0.0


@each
@every_task
def test_gradients_reach_the_parts_used_and_no_others(
    folders: Folders, published: Published, seed: int, task: Task
) -> None:
    config = published(seed, task.architecture).config
    ours = crossloom.from_pretrained(folders(seed, task.architecture)).train()
    for module in ours.modules():
        if hasattr(module, "layerdrop"):
            module.layerdrop = 0.0  # or a layer might be left out
    ours(**task.batch(config, seed), labels=labels_of(config, seed)).loss.backward()
    reached = {name for name, one in ours.named_parameters() if one.grad is not None and one.grad.any()}
    assert reached == names_used(ours, task)


def names_used(model: Any, task: Task) -> set[str]:
    """Names of the parameters of the parts that a task uses; a tied one has the first of its names."""
    parts = (f"{ENCODERS[task.given]}.", "decoder.", "head.")
    named = model.named_parameters(remove_duplicate=False)
    used = {id(one) for name, one in named if name.startswith(parts)}
    return {name for name, one in model.named_parameters() if id(one) in used}


@each
@every_task
def test_gradients_are_the_published_ones(
    folders: Folders, published: Published, seed: int, task: Task
) -> None:
    ours, theirs = (
        crossloom.from_pretrained(folders(seed, task.architecture)),
        published(seed, task.architecture),
    )
    batch, labels = task.batch(theirs.config, seed), labels_of(theirs.config, seed)
    norms = []
    for model in (ours, theirs):
        model.zero_grad()
        model(**batch, labels=labels).loss.backward()
        found = (one.grad.norm() for one in model.parameters() if one.grad is not None)
        norms.append(sorted(float(norm) for norm in found if norm > 0))
        model.zero_grad()
    made, expected = (torch.tensor(one) for one in norms)
    assert difference(made, expected) <= LOGITS


@every_task
def test_the_loss_falls(folders: Folders, published: Published, task: Task) -> None:
    config = published(1).config
    for dtype in (torch.float32, torch.bfloat16):
        model = crossloom.from_pretrained(folders(1, task.architecture), dtype=dtype).train()
        batch = {
            name: one.to(dtype) if one.is_floating_point() else one
            for name, one in task.batch(config, 1).items()
        }
        labels = labels_of(config, 1)
        before = {name: one.clone() for name, one in model.state_dict().items()}
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        losses = []
        torch.manual_seed(0)
        for _ in range(8):
            optimizer.zero_grad()
            loss = model(**batch, labels=labels).loss
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        assert losses[-1] < 0.8 * losses[0]
        parameters = dict(model.named_parameters())
        changed = {name for name, one in parameters.items() if not torch.equal(one, before[name])}
        assert changed <= names_used(model, task)
        assert any(name.startswith(ENCODERS[task.given]) for name in changed)
