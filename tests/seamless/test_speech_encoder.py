"""The speech encoder by itself against the public implementation: states, masks, padding, draws, training."""

from __future__ import annotations

import pytest
import torch

from tests.parity.cases import LOGITS, difference
from tests.seamless.speech_encoders import SEEDS, loaded, published, random_batch, view

each = pytest.mark.parametrize("seed", SEEDS)


@each
def test_padded_batch(seed: int) -> None:
    theirs = published(seed)
    ours = loaded(theirs, view(seed))
    features, mask = random_batch(seed)
    with torch.no_grad():
        encoded = ours.encode(features, mask)
        expected = theirs(features, attention_mask=mask).last_hidden_state
        assert difference(encoded.hidden, expected) <= LOGITS
        unmasked = ours.encode(features)
        assert unmasked.mask is None
        assert difference(unmasked.hidden, theirs(features).last_hidden_state) <= LOGITS
    assert difference(unmasked.hidden, encoded.hidden) > 1e-3, "the mask has an effect to be right about"
