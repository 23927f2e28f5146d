"""The model that both sides run: the shapes of s2t-small, random weights, one folder on disk."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import Speech2TextConfig, Speech2TextForConditionalGeneration
from transformers.utils import logging

import crossloom
from runtime.measuring import Peaks, measure_peaks

NAME = "s2t-small-librispeech-asr"
SPREAD = 0.2
"""Deviation of the weights. At the published initial 0.02, outputs agree whatever is computed."""
FRAMES = 500
"""Five seconds of speech."""


class Subject:
    """Both sides' models, made when a row first asks for them; `folder` holds the checkpoint they load."""

    def __init__(self, folder: Path) -> None:
        logging.disable_progress_bar()
        self.folder = folder
        self.spec = crossloom.load_spec(NAME)
        self.config = Speech2TextConfig(**self.spec.config)
        self._save()

    def _save(self) -> None:
        torch.manual_seed(0)
        model = Speech2TextForConditionalGeneration(self.config)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.normal_(std=SPREAD)
                if name.endswith("layer_norm.weight"):
                    parameter.add_(1.0)
        model.save_pretrained(self.folder)

    @cached_property
    def peaks(self) -> Peaks:
        """What the machine reached just before the rows were measured."""
        return measure_peaks()

    @cached_property
    def ours(self) -> Any:
        """The model as crossloom loads it."""
        return crossloom.from_pretrained(self.folder)

    @cached_property
    def theirs(self) -> Any:
        """The model as transformers loads it."""
        return Speech2TextForConditionalGeneration.from_pretrained(self.folder).eval()

    def inputs(self, batch: int, frames: int = FRAMES) -> dict[str, torch.Tensor]:
        """Features [batch, frames, 80] and their mask; from the second on, sentences are shorter."""
        generator = torch.Generator().manual_seed(batch)
        lengths = frames - torch.arange(batch) * (frames // (4 * batch))
        return {
            "input_features": torch.randn(batch, frames, 80, generator=generator),
            "attention_mask": (torch.arange(frames) < lengths[:, None]).long(),
        }
