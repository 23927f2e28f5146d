"""Every method of every class, loaded from its file, against the published part that it stands for.

Sizes that are padded to a bucket are padded here as well, and nothing may come of it.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from specs.families.seamless_m4t_v2.architectures import ARCHITECTURES
from tests.oracle import random_mask
from tests.parity.cases import LOGITS, difference
from tests.seamless.conftest import Live, Published
from tests.seamless.oracle import CLASSES, decoder_ids, speech_batch, text_batch
from tests.seamless.settings import SEEDS
from tests.seamless.tasks import WAVEFORM
from tests.seamless.test_speech_encoder import handed_on
from tests.seamless.vocoders import published_durations

MORE = 5
"""What is added to a size that a method is compiled for."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("architecture", CLASSES)
def test_every_method(live: Live, published: Published, seed: int, architecture: str) -> None:
    ours, theirs = live(seed, architecture), published(seed, architecture)
    parts = ARCHITECTURES[architecture]
    with torch.no_grad():
        if "text_encoder" in parts:
            encodes_and_decodes(ours, theirs, text_batch(theirs.config, seed), seed)
        if "speech_encoder" in parts:
            batch = speech_batch(theirs.config, seed)
            encodes_and_decodes(ours, theirs, batch, seed)
            mask = handed_on(theirs, ours.encode(**batch).hidden, batch["attention_mask"])
            assert torch.equal(ours.encode(**batch).mask, mask)
        if "units" in parts:
            says_units(ours, theirs, seed)
        if "vocoder" in parts:
            sounds(ours, theirs, seed)


def encodes_and_decodes(ours: Any, theirs: Any, batch: dict[str, Tensor], seed: int) -> None:
    """Compare states of a padded batch, and logits of padded decoder inputs."""
    ids = decoder_ids(theirs.config, seed)
    mask = ids.ne(theirs.config.pad_token_id).long()
    expected = theirs(**batch, decoder_input_ids=ids, decoder_attention_mask=mask)
    encoded = ours.encode(**batch)
    valid = encoded.mask.bool()
    assert difference(encoded.hidden[valid], expected.encoder_last_hidden_state[valid]) <= LOGITS
    assert difference(ours.decode(ids, encoded, decoder_attention_mask=mask), expected.logits) <= LOGITS


def says_units(ours: Any, theirs: Any, seed: int) -> None:
    """Compare durations of characters and scores of units, of a padded batch."""
    config = theirs.config
    generator = torch.Generator().manual_seed(seed)
    mask = random_mask(random.Random(f"states {seed}"), 6, 2, 3)
    counts = torch.randint(1, 4, mask.shape, generator=generator) * mask
    characters = torch.randint(
        config.char_vocab_size, (3, int(counts.sum(1).max())), generator=generator
    )  # padding holds characters, too
    hidden = torch.randn(*mask.shape, config.hidden_size, generator=generator)
    durations, expected, places = their_units(theirs, hidden, mask, characters, counts)
    states, made = ours.predict_durations(hidden, mask, characters, counts)
    assert torch.equal(made, durations)
    logits, valid = ours.decode_units(states, durations)
    assert torch.equal(valid.bool(), places)
    assert difference(logits, expected) <= LOGITS
    length = logits.shape[1] + MORE
    padded = ours.decode_units(pad(states, (0, 0, 0, MORE)), pad(durations, (0, MORE)), length=length)
    assert difference(padded.unit_logits[:, :-MORE][places], expected[places]) <= LOGITS


def their_units(theirs: Any, hidden: Tensor, mask: Tensor, characters: Tensor, counts: Tensor) -> Any:
    """Durations, scores and their mask of the public text-to-unit model."""
    seen: list[tuple[Tensor, Tensor]] = []
    predictor = theirs.t2u_model.model.decoder.duration_predictor
    hook = predictor.register_forward_hook(
        lambda _, __, options, result: seen.append((result, options["padding_mask"])), with_kwargs=True
    )
    made = theirs.t2u_model(
        inputs_embeds=hidden, attention_mask=mask, char_input_ids=characters, char_count_per_id=counts
    )
    hook.remove()
    ((logarithms, is_character),) = seen
    durations = logarithms.expm1().round().long().clamp(min=1) * is_character.long()
    return durations, made.last_hidden_state, made.padding_mask.bool()


def sounds(ours: Any, theirs: Any, seed: int) -> None:
    """Compare durations of units and their waveform, of a padded batch."""
    config = theirs.config
    generator = torch.Generator().manual_seed(seed)
    mask = random_mask(random.Random(f"units {seed}"), 7, 1, 3)
    ids = torch.randint(config.unit_hifi_gan_vocab_size, mask.shape, generator=generator)
    ids = ids.masked_fill(mask == 0, config.t2u_pad_token_id)
    language = torch.randint(config.vocoder_num_langs, (3,), generator=generator)
    speaker = torch.randint(config.vocoder_num_spkrs, (3,), generator=generator)
    expected, lengths = theirs.vocoder(ids, speaker.unsqueeze(1), language.unsqueeze(1))
    durations = published_durations(theirs.vocoder, ids)
    states, made = ours.predict_unit_durations(ids)
    assert torch.equal(made, durations)
    waveform, ends = ours.vocode(states, durations, ids, language, speaker)
    assert float((waveform - expected).abs().max()) <= WAVEFORM
    assert torch.equal(ends, lengths.view(-1))
    more = pad(ids, (0, MORE), value=config.t2u_pad_token_id)
    present = pad(torch.ones_like(ids), (0, MORE))
    states, made = ours.predict_unit_durations(more, present)
    assert torch.equal(made, pad(durations, (0, MORE)))
    length = int(durations.sum(1).max()) + MORE
    padded, _ = ours.vocode(states, made, more, language, speaker, length=length)
    assert float((padded[:, : waveform.shape[1]] - expected).abs().max()) <= WAVEFORM


def test_one_input_is_encoded_and_no_other(live: Live, published: Published) -> None:
    ours, config = live(1), published(1).config
    text, speech = text_batch(config, 1), speech_batch(config, 1)
    for given in ({}, {**text, "input_features": speech["input_features"]}):
        with pytest.raises(ValueError, match="one of them alone"):
            ours.encode(**given)


def test_shapes_of_a_method_are_looked_at(live: Live, published: Published) -> None:
    ours, width = live(1), published(1).config.hidden_size
    states, mask, ids = torch.zeros(2, 4, width), torch.ones(2, 4, dtype=torch.int64), torch.ones(2, 6).long()
    with pytest.raises(ValueError, match="token_states is"):
        ours.predict_durations(states[..., 1:], mask, ids, mask)
    with pytest.raises(ValueError, match="token_mask is"):
        ours.predict_durations(states, mask[:, 1:], ids, mask)
    units = torch.zeros(2, 4, published(1).config.unit_embed_dim)
    labels = torch.ones(2, dtype=torch.int64)
    with pytest.raises(ValueError, match="unit_states is"):
        ours.vocode(units[..., 1:], mask, mask, labels, labels)
