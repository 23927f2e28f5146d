"""The text-to-unit model by itself against the public implementation: scores, durations, padding, draws."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.parity.cases import LOGITS, difference
from tests.seamless.unit_models import SEEDS, Batch, loaded, published, random_batch, view

each = pytest.mark.parametrize("seed", SEEDS)


def both(seed: int, **changes: Any) -> tuple[Any, Any]:
    """The public model of a seed, and ours with its parameters."""
    theirs = published(seed, **changes)
    return theirs, loaded(theirs, view(seed, **changes))


def their_durations(theirs: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """What the public duration predictor gives for a batch, and the mask of the characters."""
    given: list[tuple[Tensor, Tensor]] = []
    predictor = theirs.model.decoder.duration_predictor
    hook = predictor.register_forward_hook(
        lambda _, arguments, options, result: given.append((result, options["padding_mask"])),
        with_kwargs=True,
    )
    their_units(theirs, batch)
    hook.remove()
    return given[0]


def their_units(theirs: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Scores and padding mask of the public model."""
    with torch.no_grad():
        made = theirs(
            inputs_embeds=batch.hidden,
            attention_mask=batch.mask,
            char_input_ids=batch.characters,
            char_count_per_id=batch.counts,
        )
    return made.last_hidden_state, made.padding_mask


def our_units(ours: Any, batch: Batch, length: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Durations, scores and their mask."""
    with torch.no_grad():
        states, durations = ours.predict_durations(
            batch.hidden, batch.characters, batch.counts, batch.mask
        )
        return durations, *ours.decode_units(states, durations, length)


@each
def test_padded_batch(seed: int) -> None:
    theirs, ours = both(seed)
    batch = random_batch(seed)
    durations, logits, mask = our_units(ours, batch)
    logarithms, is_character = their_durations(theirs, batch)
    expected = logarithms.expm1().round().long().clamp(min=1) * is_character.long()
    assert torch.equal(durations, expected)
    assert len(durations.unique()) > 2, "durations differ, so that lengths do"
    their_logits, their_mask = their_units(theirs, batch)
    assert torch.equal(mask, their_mask.long())
    assert difference(logits, their_logits) <= LOGITS
