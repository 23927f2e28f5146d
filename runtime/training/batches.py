"""Batches: which rows go together, how they are padded, which features are masked."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from runtime.training.options import SpecAugment

IGNORED = -100
"""The label that the loss leaves out."""

Batch = dict[str, Tensor]


def epoch_batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """The batches of one epoch as row indices, a function of its arguments alone.

    The rows are shuffled, cut into pools of fifty batches, and sorted by length within a pool: rows of one
    batch are alike in length, so little of it is padding, and yet no two epochs pair the same rows.
    """
    generator = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    generator.shuffle(order)
    pool = 50 * batch_size
    order = [
        row
        for start in range(0, len(order), pool)
        for row in sorted(order[start : start + pool], key=lambda row: lengths[row])
    ]
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    generator.shuffle(batches)
    return batches


def collate(examples: Sequence[Batch], padding: Mapping[str, int] | None = None) -> Batch:
    """Pad examples on the right of their first axis and stack them.

    Labels are padded with IGNORED, inputs with what `padding` says by name; masks and normalised features
    with zero, as the published front ends do.
    """
    fill = {**(padding or {}), "labels": IGNORED}
    names = examples[0].keys()
    return {
        name: torch.nn.utils.rnn.pad_sequence(
            [example[name] for example in examples],
            batch_first=True,
            padding_value=fill.get(name, 0),
        )
        for name in names
    }


def mask_features(batch: Batch, options: SpecAugment, generator: torch.Generator) -> Batch:
    """The batch with random spans of `input_features` [B, F, bins] set to zero."""
    features_BFM = batch["input_features"]
    rows, frames, bins = features_BFM.shape
    frames_BF = _spans(rows, frames, options.time_masks, options.time_width, generator)
    bins_BM = _spans(rows, bins, options.bin_masks, options.bin_width, generator)
    covered_BFM = frames_BF[:, :, None] | bins_BM[:, None, :]
    masked_BFM = features_BFM.masked_fill(covered_BFM.to(features_BFM.device), 0.0)
    return {**batch, "input_features": masked_BFM}


def _spans(rows: int, length: int, count: int, width: int, generator: torch.Generator) -> Tensor:
    """Boolean [rows, length]: the union of `count` spans of 0 to `width` positions in each row."""
    widths = torch.randint(0, min(width, length) + 1, (rows, count, 1), generator=generator)
    starts = (torch.rand(rows, count, 1, generator=generator) * (length - widths + 1)).long()
    positions = torch.arange(length)
    return ((positions >= starts) & (positions < starts + widths)).any(dim=1)


@dataclass
class DataOrder:
    """Which rows each update sees: a function of its fields and the step, so it needs no saving."""

    lengths: Sequence[int]
    batch_size: int
    accumulation: int
    seed: int
    _epoch: int = -1
    _batches: list[list[int]] = field(default_factory=list)

    @property
    def updates_per_epoch(self) -> int:
        """Updates in one pass over the rows; the last may have fewer batches."""
        batches = math.ceil(len(self.lengths) / self.batch_size)
        return math.ceil(batches / self.accumulation)

    def update(self, step: int) -> list[list[int]]:
        """The batches, as row indices, whose gradients make update `step` (counted from 0)."""
        epoch, index = divmod(step, self.updates_per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._batches = epoch_batches(self.lengths, self.batch_size, self.seed, epoch)
        return self._batches[index * self.accumulation : (index + 1) * self.accumulation]
