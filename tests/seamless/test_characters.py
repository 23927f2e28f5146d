"""Characters of subwords, and units of logits, are those of the published class."""

from __future__ import annotations

from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import SeamlessM4Tv2ForTextToSpeech

from compiler.diagnostics.model import CrossloomError
from runtime.speech.characters import SPACE, Characters, characters_of_sequences, subword_to_characters
from runtime.speech.units import units_of_logits

PAD, UNKNOWN, END = 0, 1, 3
FIRST = 4
"""The first id of a piece: those before it are special."""

LETTERS = f"{SPACE}ab.,!1½ü日-"


def published(ids: torch.Tensor, texts: dict[str, str], characters: dict[str, int]) -> Characters:
    """The three methods of the public class, one after another."""
    made = SeamlessM4Tv2ForTextToSpeech
    model: Any = SimpleNamespace(generation_config=SimpleNamespace(id_to_text=texts, char_to_id=characters))
    subwords = made._indices_to_subwords(model, ids)
    counts = made._count_character_length_in_subword(model, ids, subwords)
    return Characters(made._get_char_input_ids(model, ids, subwords, counts), counts)


def batch(draw: Random) -> tuple[torch.Tensor, dict[str, str], dict[str, int]]:
    """Rows of subwords, padded on the right, with texts of every id and a table of characters."""
    pieces = ["".join(draw.choices(LETTERS, k=draw.choice((0, 1, 1, 2, 3)))) for _ in range(12)]
    texts = ["<pad>", "<unk>", "<s>", "</s>", *(draw.choice(("", SPACE)) + piece for piece in pieces)]
    known = [UNKNOWN, *range(FIRST, len(texts))]
    rows = [draw.choices(known, k=draw.randint(0, 12)) for _ in range(draw.randint(1, 4))]
    width = max(map(len, rows)) + draw.randint(0, 2)
    ids = torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows], dtype=torch.int64)
    characters = {letter: draw.randint(2, 50) for letter in LETTERS if draw.random() < 0.7}
    return ids, {str(index): text for index, text in enumerate(texts)}, characters


@settings(max_examples=30, deadline=None)
@given(draw=st.randoms(use_true_random=True))
def test_characters_are_those_of_the_public_class(draw: Random) -> None:
    for _ in range(100):
        ids, texts, characters = batch(draw)
        expected = published(ids, texts, characters)
        made = subword_to_characters(ids, texts, characters, pad=PAD, unknown=UNKNOWN)
        assert torch.equal(made.counts, expected.counts)
        assert torch.equal(made.ids, expected.ids)
        assert made.ids.dtype == made.counts.dtype == torch.int64


def test_worked_characters() -> None:
    """The space before `▁b` counts with the comma, which then has two characters, and `▁b` one less."""
    texts = {"4": f"{SPACE}a", "5": ",", "6": f"{SPACE}b", "1": "<unk>"}
    characters = {SPACE: 10, "a": 11, ",": 12}
    made = subword_to_characters(
        torch.tensor([[4, 5, 6, 1], [4, 0, 0, 0]]), texts, characters, pad=PAD, unknown=UNKNOWN
    )
    assert made.counts.tolist() == [[2, 2, 1, 1], [2, 0, 0, 0]]
    assert made.ids.tolist() == [[10, 11, 12, 10, 1, 1], [10, 11, 0, 0, 0, 0]]


def test_start_language_and_end_have_no_characters() -> None:
    texts = {"4": "ab", "5": "c"}
    sequences = torch.tensor([[3, 9, 4, 5, 3], [3, 9, 4, 3, 0]])
    made = characters_of_sequences(
        sequences, texts, {"a": 7, "b": 8, "c": 9}, pad=PAD, unknown=UNKNOWN, end=END
    )
    assert made.counts.tolist() == [[0, 2, 1, 0], [0, 2, 0, 0]]
    assert made.ids.tolist() == [[7, 8, 9], [7, 8, 0]]


@pytest.mark.parametrize(
    ("end", "counts"), [(END, [2, 1]), ([END, 5], [2, 0]), (None, [2, 1]), ([5], [2, 0])]
)
def test_no_end_of_several_has_characters(end: Any, counts: list[int]) -> None:
    texts = {"3": "</s>", "4": "ab", "5": "c"}
    made = characters_of_sequences(
        torch.tensor([[3, 9, 4, 5, 3]]), texts, {}, pad=PAD, unknown=UNKNOWN, end=end
    )
    assert made.counts.tolist() == [[0, *counts, 0]]


def test_rows_are_filled_with_a_character_that_there_is() -> None:
    """The pad id of texts may be beyond the characters."""
    sequences = torch.tensor([[3, 9, 4, 5, 3], [3, 9, 4, 3, 70]])
    made = characters_of_sequences(sequences, {"4": "ab", "5": "c"}, {}, pad=70, unknown=UNKNOWN, end=END)
    assert made.ids.tolist() == [[1, 1, 1], [1, 1, 0]]


@pytest.mark.parametrize("rows", [1, 2])
def test_a_text_of_nothing_is_told(rows: int) -> None:
    """The public class fails in a convolution over no position."""
    for sequence in ([3, 9, 3], [3, 9, 3, 0], [3, 9]):
        with pytest.raises(CrossloomError) as raised:
            characters_of_sequences(
                torch.tensor([sequence] * rows), {}, {}, pad=PAD, unknown=UNKNOWN, end=END
            )
        (finding,) = raised.value.diagnostics
        assert finding.code == "XL417"
    some = torch.tensor([[3, 9, 3, 0], [3, 9, 4, 3]])
    made = characters_of_sequences(some, {"4": "a"}, {}, pad=PAD, unknown=UNKNOWN, end=END)
    assert made.counts.tolist() == [[0, 0, 0], [0, 1, 0]]


def test_an_id_without_a_text_is_told() -> None:
    with pytest.raises(CrossloomError) as raised:
        subword_to_characters(torch.tensor([[4, 77]]), {"4": "a"}, {}, pad=PAD, unknown=UNKNOWN)
    (finding,) = raised.value.diagnostics
    assert finding.code == "XL402"
    assert "77" in finding.message


decoded = partial(units_of_logits, end=2, pad=1, offset=4, vocabulary=20)


def drawn(logits: torch.Tensor, mask: torch.Tensor, temperature: float | None) -> tuple[torch.Tensor, ...]:
    """Units as the public class makes them of logits, written out; drawn at a temperature but 1."""
    if temperature is None or temperature == 1.0:
        sequences = logits.argmax(-1)
    else:
        chances = (logits / temperature).softmax(-1).reshape(-1, logits.shape[2])
        sequences = torch.multinomial(chances, 1).view(logits.shape[0], -1)
    ids = sequences.masked_fill((sequences == 2) | ~mask.bool(), 1)
    return sequences, torch.where(ids == 1, ids, ids - 4)


@pytest.mark.parametrize("temperature", [None, 1.0, 0.7, 3.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_units_are_those_of_the_public_class(temperature: float | None, seed: int) -> None:
    torch.manual_seed(seed)
    logits = torch.randn(3, 9, 24)
    logits[..., [0, 3]] = -torch.inf  # no trained model says what is neither a unit nor the end
    logits[0, 4, 2] = logits[1, 3, 1] = 20.0  # the end, and padding, where units are asked for
    mask = (torch.arange(9) < torch.tensor([[9], [6], [1]])).long()
    torch.manual_seed(seed)
    sequences, ids = drawn(logits, mask, temperature)
    made = decoded(logits, mask, do_sample=True, temperature=temperature, seed=seed)
    assert torch.equal(made.sequences, sequences)
    assert torch.equal(made.ids, ids)
    assert made.ids[0, 4] == made.ids[1, 3] == 1
    assert (made.ids[mask == 0] == 1).all()


def test_without_sampling_the_temperature_is_not_read() -> None:
    logits, mask = torch.randn(1, 40, 24), torch.ones(1, 40)
    logits[..., [0, 3]] = -torch.inf
    made = decoded(logits, mask, temperature=5.0, seed=0)
    assert torch.equal(made.sequences, logits.argmax(-1))


@pytest.mark.parametrize("unit", [0, 3, 24])
def test_a_unit_the_vocoder_does_not_have_is_told(unit: int) -> None:
    logits = torch.zeros(1, 2, 25)
    logits[0, 0, 4] = logits[0, 1, unit] = 1.0
    with pytest.raises(CrossloomError) as raised:
        decoded(logits, torch.ones(1, 2))
    (finding,) = raised.value.diagnostics
    assert finding.code == "XL402"
    assert f"unit {unit} at place 1 of row 0" in finding.message
    assert decoded(logits, torch.tensor([[1, 0]])).ids.tolist() == [[0, 1]]
