"""The units of speech that logits say, and what a vocoder reads of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from runtime.failures import failure
from runtime.generation.conditions import FiniteCheck
from runtime.generation.sampling import Draw


class Units(NamedTuple):
    """`sequences` [B, U] int64 as decoded; `ids` [B, U] as a vocoder has them: without what is no unit."""

    sequences: Tensor
    ids: Tensor


def units_of_logits(
    logits: Tensor,
    mask: Tensor,
    *,
    end: int,
    pad: int,
    offset: int,
    vocabulary: int,
    do_sample: bool = False,
    temperature: float | None = None,
    seed: int | None = None,
) -> Units:
    """Logits [B, U, V] and their mask [B, U] -> the best unit at every place, or one drawn.

    Units are drawn where the temperature is not 1: as published, `do_sample` alone leaves the best. What is
    neither a unit of the vocoder nor the end or padding is never drawn: nothing could say it. The end and
    what the mask excludes become the pad id; every other unit begins `offset` later than the vocoder's, which
    has `vocabulary` of them.

    Raises CrossloomError: XL402 for a unit that the vocoder does not have, XL409 for a draw from nan.
    """
    if do_sample and temperature not in (None, 1.0):
        said = _sayable(logits.shape[-1], (end, pad), offset, vocabulary).to(logits.device)
        flat = (logits / temperature).masked_fill(~said, -torch.inf).flatten(0, 1)
        finite = FiniteCheck(logits.device)
        sequences = Draw(seed, finite).one(flat).reshape(logits.shape[:2])
        finite.look()
    else:
        sequences = logits.argmax(-1)
    padded = sequences.masked_fill((sequences == end) | ~mask.bool(), pad)
    ids = torch.where(padded == pad, padded, padded - offset)
    _require_known(ids, sequences, vocabulary)
    return Units(sequences, ids)


def _sayable(units: int, special: tuple[int, int], offset: int, vocabulary: int) -> Tensor:
    """Which of the units [V] a vocoder has, or reads as padding."""
    own = torch.arange(units) - offset
    said = (own >= 0) & (own < vocabulary)
    said[list(special)] = True
    return said


def _require_known(ids: Tensor, sequences: Tensor, vocabulary: int) -> None:
    outside = ((ids < 0) | (ids >= vocabulary)).nonzero()
    if len(outside):
        row, place = outside[0].tolist()
        raise failure(
            "XL402",
            f"unit {int(sequences[row, place])} at place {place} of row {row} is none that the vocoder has",
            info=(f"its {vocabulary:,} units are those the text-to-unit model says, less their offset",),
            help="use a text-to-unit model and a vocoder that were trained for each other",
        )
