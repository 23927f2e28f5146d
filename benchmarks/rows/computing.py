"""The encoder, and a step of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import Speech2TextForConditionalGeneration

import crossloom
from benchmarks.rows import Row
from benchmarks.subject import Subject
from runtime.measuring import timed

TRAINING_BATCH = 4
LABELS = 32


def encode_one(subject: Subject) -> Row:
    """Five seconds of features."""
    return _encode(subject, 1)


def encode_many(subject: Subject) -> Row:
    """Sixteen utterances of up to five seconds, padded."""
    return _encode(subject, 16)


def train(subject: Subject) -> Row:
    """Forward with dropout, backward, and AdamW, on copies of the model."""
    ours = crossloom.from_pretrained(subject.folder)
    theirs = Speech2TextForConditionalGeneration.from_pretrained(subject.folder).eval()
    labels = torch.randint(3, 10000, (TRAINING_BATCH, LABELS), generator=torch.Generator().manual_seed(0))
    batch = subject.inputs(TRAINING_BATCH) | {"labels": labels}
    torch.testing.assert_close(ours(**batch).loss, theirs(**batch).loss, rtol=1e-5, atol=0)
    return Row(
        f"training step, {TRAINING_BATCH} utterances of 5 s, {LABELS} labels, AdamW",
        timed(_step(ours.train(), batch)),
        timed(_step(theirs.train(), batch)),
    )


def _encode(subject: Subject, batch: int) -> Row:
    inputs = subject.inputs(batch)
    ours, theirs = subject.ours, subject.theirs.model.encoder

    def encode_ours() -> Tensor:
        with torch.inference_mode():
            hidden: Tensor = ours.encode(**inputs).hidden
            return hidden

    def encode_theirs() -> Tensor:
        with torch.inference_mode():
            hidden: Tensor = theirs(**inputs).last_hidden_state
            return hidden

    expected = encode_theirs()
    real = ours.encode(**inputs).mask.bool()
    tolerance = 1e-5 * float(expected.abs().max())
    torch.testing.assert_close(encode_ours()[real], expected[real], rtol=0, atol=tolerance)
    return Row(f"encode, batch {batch}, 5 s each", timed(encode_ours), timed(encode_theirs))


def _step(model: Any, batch: dict[str, Tensor]) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        model(**batch).loss.backward()
        optimizer.step()

    return step
