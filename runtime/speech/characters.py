"""The characters of subwords: how many each has, and their ids.

A unit decoder repeats the state of every subword once for each of its characters, and adds the embedding of
the character to it (SeamlessM4T v2, Seamless Communication 2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from runtime.failures import failure

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""Begins a piece that begins a word."""


class Characters(NamedTuple):
    """Of a batch of subwords: the `ids` [B, C] int64, filled with 0; `counts` [B, T] of each."""

    ids: Tensor
    counts: Tensor


def subword_to_characters(
    ids: Tensor, id_to_text: Mapping[str, str], char_to_id: Mapping[str, int], *, pad: int, unknown: int
) -> Characters:
    """Subwords [B, T] int64 -> the ids of their characters, and how many each subword has.

    `id_to_text` gives the piece of an id, written in digits, `char_to_id` the id of a character; one that it
    lacks is unknown, and the unknown subword is one unknown character. What follows the first pad of a row
    has no characters. Rows are filled with the character 0, which lasts for nothing there: the pad id of
    texts, with which the published code fills them, may be beyond the characters.

    Raises CrossloomError (XL402) for an id without a piece.
    """
    rows = [_before(row, pad) for row in ids.tolist()]
    pieces = [[_piece(id_to_text, index) for index in row] for row in rows]
    counts = [_counts(row, texts, unknown) for row, texts in zip(rows, pieces, strict=True)]
    spelt = [
        [
            one
            for index, text in zip(row, texts, strict=True)
            for one in _spelt(index, text, char_to_id, unknown)
        ]
        for row, texts in zip(rows, pieces, strict=True)
    ]
    longest = max((sum(row) for row in counts), default=0)
    return Characters(_filled(spelt, longest, ids), _filled(counts, ids.shape[1], ids))


def characters_of_sequences(
    sequences: Tensor,
    id_to_text: Mapping[str, str],
    char_to_id: Mapping[str, int],
    *,
    pad: int,
    unknown: int,
    end: int | Sequence[int] | None,
) -> Characters:
    """Decoded sequences [B, L] = [start, language, subwords, an end or padding] -> their characters.

    `counts` [B, L - 1] belong to the states the decoder has of all but the last: those of the start and of
    the language, which no character has, and of the subwords.

    Raises CrossloomError as `subword_to_characters`, and XL417 where no row has a character.
    """
    subwords = sequences[:, 2:-1]
    ends = [] if end is None else [end] if isinstance(end, int) else list(end)
    is_end = torch.isin(subwords, subwords.new_tensor(ends))
    made = subword_to_characters(
        subwords.masked_fill(is_end, pad), id_to_text, char_to_id, pad=pad, unknown=unknown
    )
    if made.ids.shape[1] == 0:
        raise failure(
            "XL417",
            "the text is empty: there is nothing to say",
            info=(
                f"the decoder ended {'it' if len(sequences) == 1 else 'all of them'} before a first piece",
            ),
            help="ask for text alone, or for some of it with `text_min_new_tokens=`",
        )
    return made._replace(counts=torch.nn.functional.pad(made.counts, (1, 1)))


def _before(row: Sequence[int], pad: int) -> Sequence[int]:
    return row[: row.index(pad)] if pad in row else row


def _piece(id_to_text: Mapping[str, str], index: int) -> str:
    text = id_to_text.get(str(index))
    if text is None:
        raise failure(
            "XL402",
            f"`id_to_text` has no text of the id {index}",
            info=(f"it has {len(id_to_text):,} texts, from which speech is made",),
            help="take the generation_config.json of the checkpoint whose tokenizer made the ids",
        )
    return text


def _counts(row: Sequence[int], pieces: Sequence[str], unknown: int) -> list[int]:
    """How many characters each subword has: a space before a word counts with the mark that precedes it."""
    counts = []
    takes = False
    for index, piece, following in zip(row, pieces, [*pieces[1:], ""], strict=False):
        gives = takes  # its space to the mark before it
        takes = _is_mark(piece) and len(following) > 1 and following[0] == SPACE
        count = len(piece) + (1 if takes else -1 if gives else 0)
        counts.append(1 if index == unknown else count)
    return counts


def _is_mark(piece: str) -> bool:
    """Whether a piece is a punctuation mark, or another sign that is no letter, number or space."""
    return len(piece) == 1 and not piece.isalpha() and not piece.isnumeric() and piece != SPACE


def _spelt(index: int, piece: str, char_to_id: Mapping[str, int], unknown: int) -> list[int]:
    return [unknown] if index == unknown else [char_to_id.get(letter, unknown) for letter in piece]


def _filled(rows: Sequence[Sequence[int]], width: int, like: Tensor) -> Tensor:
    """Rows of numbers, zeros behind them: [B, width], of the dtype and on the device of another tensor."""
    return like.new_tensor([[*row, *[0] * (width - len(row))] for row in rows]).reshape(len(rows), width)
