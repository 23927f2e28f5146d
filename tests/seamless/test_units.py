"""The text-to-unit model by itself against the public implementation: scores, durations, padding, draws."""

from __future__ import annotations

import sys
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.parity.cases import LOGITS, difference
from tests.seamless.unit_models import SEEDS, Batch, fresh, loaded, model_of, published, random_batch, view

each = pytest.mark.parametrize("seed", SEEDS)


@cache
def both(seed: int, **changes: Any) -> tuple[Any, Any]:
    """The public model of a seed, and ours with its parameters; those without changes stay as they are."""
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
        states, durations = ours.predict_durations(batch.hidden, batch.characters, batch.counts, batch.mask)
        return durations, *ours.decode_units(states, durations, length)


def is_tie(exact: Tensor) -> Tensor:
    """Whether durations before they are rounded lie within 1e-5 of the middle of two."""
    return ((exact - 0.5) - (exact - 0.5).round()).abs() < 1e-5 * exact


def duration_ties(theirs: Any, batch: Batch, differing: Tensor) -> int:
    """How many of the characters [B, C] have durations that double precision says may round either way."""
    if not differing.any():
        return 0
    double = Batch(batch.hidden.double(), *batch[1:])
    exact = their_durations(deepcopy(theirs).double(), double)[0][differing].expm1()
    print(f"durations in float64: {exact.tolist()}")
    return int(is_tie(exact).sum())


@each
def test_padded_batch(seed: int) -> None:
    theirs, ours = both(seed)
    batch = random_batch(seed)
    logarithms, is_character = their_durations(theirs, batch)
    expected = logarithms.expm1().round().long().clamp(min=1) * is_character.long()
    with torch.no_grad():
        states, durations = ours.predict_durations(batch.hidden, batch.characters, batch.counts, batch.mask)
        logits, mask = ours.decode_units(states, expected)
    differing = durations != expected
    assert duration_ties(theirs, batch, differing) == int(differing.sum())
    assert len(set(expected.flatten().tolist())) > 2, "durations differ, so that lengths do"
    their_logits, their_mask = their_units(theirs, batch)
    assert torch.equal(mask, their_mask.long())
    assert difference(logits, their_logits) <= LOGITS


@each
def test_texts_without_a_mask_are_texts_without_padding(seed: int) -> None:
    _, ours = both(seed)
    batch = random_batch(seed)
    full = batch._replace(mask=torch.ones_like(batch.mask))
    with torch.no_grad():
        states, durations = ours.predict_durations(batch.hidden, batch.characters, batch.counts)
        expected, others = ours.predict_durations(full.hidden, full.characters, full.counts, full.mask)
    assert torch.equal(durations, others)
    assert difference(states, expected) <= LOGITS
    masked = our_units(ours, batch)[1]
    assert (
        masked.shape != our_units(ours, full)[1].shape or difference(our_units(ours, full)[1], masked) > 1e-3
    )


@each
@pytest.mark.parametrize("more", [0, 1, 20])
def test_a_bucket_changes_nothing(seed: int, more: int) -> None:
    _, ours = both(seed)
    batch = random_batch(seed)
    durations, expected, mask = our_units(ours, batch)
    longest = int(durations.sum(1).max())
    assert expected.shape[1] == longest
    _, logits, padded = our_units(ours, batch, longest + more)
    assert logits.shape[1] == longest + more
    assert torch.equal(padded[:, :longest], mask)
    assert not padded[:, longest:].any()
    kept = mask.bool()
    assert difference(logits[:, :longest][kept], expected[kept]) <= LOGITS


def alone(batch: Batch, row: int) -> Batch:
    """One text of a batch, without its padding."""
    length, characters = int(batch.mask[row].sum()), int(batch.counts[row].sum())
    one = slice(row, row + 1)
    return Batch(
        batch.hidden[one, :length],
        batch.mask[one, :length],
        batch.characters[one, :characters],
        batch.counts[one, :length],
    )


@each
def test_a_text_has_its_units_whatever_stands_beside_it(seed: int) -> None:
    """Of padding a sigmoid makes 1/2, which the convolution behind it sees, as published."""
    theirs, ours = both(seed)
    batch = random_batch(seed)
    durations, logits, mask = our_units(ours, batch)
    sees_padding = theirs.config.activation_function == "sigmoid"
    for row in range(len(batch.hidden)):
        single, units, _ = our_units(ours, alone(batch, row))
        assert torch.equal(single[0], durations[row][durations[row] > 0])
        apart = difference(units[0], logits[row][mask[row].bool()])
        assert apart <= LOGITS or (sees_padding and units.shape[1] < logits.shape[1])


@each
def test_padding_may_hold_anything(seed: int) -> None:
    _, ours = both(seed)
    batch = random_batch(seed)
    is_character = torch.arange(batch.characters.shape[1]) < batch.counts.sum(1, keepdim=True)
    other = batch._replace(
        hidden=torch.where(batch.mask.bool().unsqueeze(-1), batch.hidden, batch.hidden * 3 + 5),
        characters=torch.where(is_character, batch.characters, batch.characters.flip(0, 1)),
    )
    durations, logits, mask = our_units(ours, batch)
    expected, units, _ = our_units(ours, other)
    assert torch.equal(durations, expected)
    assert difference(logits[mask.bool()], units[mask.bool()]) <= LOGITS


@each
def test_texts_without_characters_leave_the_others_alone(seed: int) -> None:
    theirs, ours = both(seed)
    batch = random_batch(seed)
    durations, logits, mask = our_units(ours, batch)
    counts = batch.counts.clone()
    counts[1] = 0
    others, units, valid = our_units(ours, batch._replace(counts=counts), logits.shape[1])
    assert not others[1].any(), "no character lasts"
    assert not valid[1].any()
    assert bool(units.isfinite().all())
    scores, _ = their_units(theirs, batch._replace(counts=counts))
    assert difference(units[1, : scores.shape[1]], scores[1]) <= LOGITS, "units of nothing are as published"
    rest = [row for row in range(len(counts)) if row != 1]
    assert torch.equal(others[rest], durations[rest])
    if int(durations[1].sum()) < logits.shape[1]:  # the longest text is another
        assert difference(units[rest][mask[rest].bool()], logits[rest][mask[rest].bool()]) <= LOGITS
    nothing = our_units(ours, batch._replace(counts=torch.zeros_like(counts)))
    assert nothing[1].shape[1] == 1, "a tensor is not empty"
    assert bool(nothing[1].isfinite().all())
    assert not nothing[2].any()


RATES = {
    "dropout": 0.1,
    "attention_dropout": 0.2,
    "activation_dropout": 0.3,
    "t2u_variance_pred_dropout": 0.4,
    "encoder_layerdrop": 0.4,
    "decoder_layerdrop": 0.4,
}


def attend_by_torch(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: float, scale: float | None = None
) -> Tensor:
    """Attention that draws what it drops as the public class does."""
    return F.scaled_dot_product_attention(query, key, value, mask, dropout, scale=scale)


@pytest.mark.parametrize("rate", ["none", *RATES, "all"])
def test_training_drops_what_the_published_class_drops(rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed drops the same where both draw by torch's dropout, so that both give the same."""
    rates = {name: value if rate in (name, "all") else 0.0 for name, value in RATES.items()}
    theirs, ours = both(2, t2u_encoder_layers=3, t2u_decoder_layers=3, **rates)
    module = sys.modules[type(ours).__module__]
    monkeypatch.setattr(module, "drop_out", F.dropout)
    monkeypatch.setattr(module, "attend", attend_by_torch)
    batch = random_batch(2)
    plain = their_units(theirs, batch)[0]
    theirs.train()
    ours.train()
    seen = []
    for seed in range(4):
        torch.manual_seed(seed)
        expected, mask = their_units(theirs, batch)
        torch.manual_seed(seed)
        _, logits, padded = our_units(ours, batch)
        assert torch.equal(padded, mask.long())
        assert difference(logits, expected) <= LOGITS
        seen.append(logits.shape != plain.shape or difference(logits, plain) > 1e-3)
    assert any(seen) is (rate != "none")


LARGE: dict[str, Any] = {
    "hidden_size": 64,
    "t2u_encoder_ffn_dim": 160,
    "t2u_variance_predictor_embed_dim": 64,
    "t2u_variance_predictor_hidden_dim": 96,
    "t2u_encoder_attention_heads": 4,
    "t2u_decoder_attention_heads": 4,
    "t2u_vocab_size": 300,
    "char_vocab_size": 200,
    "t2u_pad_token_id": 5,
    "initializer_range": 0.07,
}


@pytest.mark.parametrize("tied", [True, False])
def test_fresh_parameters_are_drawn_as_published(tied: bool) -> None:
    changes = {**LARGE, "tie_word_embeddings": tied}
    theirs = fresh(0, **changes)
    c = view(0, **changes)
    drawn, published_draw = model_of(c), loaded(theirs, c).state_dict()
    drawn.initialise(seed=1)
    drawn_at_random = 0
    for address, ours in drawn.state_dict().items():
        expected = published_draw[address]
        if expected.numel() == 1 or expected.std() == 0:  # alphas, norms and most biases
            assert torch.equal(ours, expected), address
            continue
        tolerance = 5 / ours.numel() ** 0.5
        assert float(ours.std()) == pytest.approx(float(expected.std()), rel=tolerance), address
        assert float(ours.abs().max()) == pytest.approx(float(expected.abs().max()), rel=0.5), address
        assert abs(float(ours.mean())) < 5 * float(expected.std()) / ours.numel() ** 0.5, address
        drawn_at_random += 1
    assert drawn_at_random > 20
    rows = drawn.unit_head.weight[5], published_draw["unit_head.weight"][5]
    assert [bool(row.any()) for row in rows] == [not tied, not tied], "the row of padding"


def test_given_lengths_leave_no_break_in_the_graph() -> None:
    _, ours = both(0)
    batch = random_batch(0)
    predict: Any = torch.compile(ours.predict_durations, fullgraph=True, backend="eager")
    decode: Any = torch.compile(ours.decode_units, fullgraph=True, backend="eager")
    with torch.no_grad():
        states, durations = predict(batch.hidden, batch.characters, batch.counts, batch.mask)
        logits, mask = decode(states, durations, 100)
        expected, kept = ours.decode_units(states, durations, 100)
    assert torch.equal(mask, kept)
    assert difference(logits, expected) <= LOGITS
