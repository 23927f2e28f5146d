"""Random tiny models saved by transformers, each beside its compiled twin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Speech2TextForConditionalGeneration

import crossloom
from tests import oracle

SEEDS = range(12)
LOGITS = 1e-5
"""Largest |a - b| / max(1, max|b|) of logits and hidden states."""
LOSS = 1e-6
"""Largest relative difference of losses."""


@dataclass(frozen=True)
class Case:
    """A folder in Hub layout, the model transformers reads from it, ours, and a padded batch."""

    seed: int
    folder: Path
    theirs: Speech2TextForConditionalGeneration
    ours: Any
    batch: dict[str, Tensor]

    @property
    def pad(self) -> int:
        """The id of padding."""
        pad: int = self.theirs.config.pad_token_id
        return pad


def save(seed: int, folder: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """Write the model of a seed; `changes` are fields of its config.json to write differently."""
    oracle.save(oracle.random_model(seed), folder)
    if changes:
        edit_config(folder, changes)
    return folder


def edit_config(folder: Path, changes: Mapping[str, Any]) -> None:
    """Write fields of config.json differently."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | dict(changes)))


def read_case(seed: int, folder: Path) -> Case:
    """Both models of a folder, in evaluation mode, and the batch of its seed."""
    theirs = Speech2TextForConditionalGeneration.from_pretrained(folder).eval()
    return Case(
        seed, folder, theirs, crossloom.from_pretrained(folder), oracle.random_batch(theirs.config, seed)
    )


def difference(ours: Tensor, theirs: Tensor) -> float:
    """max|a - b| / max(1, max|b|); infinite where shapes differ or a value is not finite."""
    if ours.shape != theirs.shape or not bool(ours.isfinite().all()):
        return float("inf")
    scale = max(1.0, float(theirs.abs().max()))
    return float((ours - theirs).abs().max()) / scale


def labels_of(case: Case, ignored: float = 0.3) -> Tensor:
    """Random labels [B, T], about `ignored` of them -100, at least one in every row kept."""
    generator = torch.Generator().manual_seed(case.seed)
    shape = case.batch["decoder_input_ids"].shape
    labels = torch.randint(case.theirs.config.vocab_size, shape, generator=generator)
    drop = torch.rand(shape, generator=generator) < ignored
    drop[:, 0] = False
    return labels.masked_fill(drop, -100)
