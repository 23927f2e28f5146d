"""Token by token, to a length that both sides are held to."""

from __future__ import annotations

from typing import Any

import torch

import crossloom
from benchmarks.rows import Row
from benchmarks.subject import Subject
from runtime.measuring import step_bytes, timed

TOKENS = 100


def greedy(subject: Subject) -> Row:
    """One sentence, the best token each time."""
    return _generate(subject, batch=1, num_beams=1)


def greedy_many(subject: Subject) -> Row:
    """Sixteen sentences of unequal length."""
    return _generate(subject, batch=16, num_beams=1)


def beams(subject: Subject) -> Row:
    """One sentence, five hypotheses."""
    return _generate(subject, batch=1, num_beams=5)


def _generate(subject: Subject, batch: int, num_beams: int) -> Row:
    inputs = subject.inputs(batch)
    options: dict[str, Any] = {
        "num_beams": num_beams,
        "max_new_tokens": TOKENS,
        "min_new_tokens": TOKENS,
        "early_stopping": num_beams > 1,
        "do_sample": False,
    }
    ours, theirs = subject.ours, subject.theirs
    expected: torch.Tensor = theirs.generate(**inputs, **options)
    found = crossloom.generate(ours, **inputs, **options)
    assert isinstance(found, torch.Tensor), "scores were not asked for"
    assert torch.equal(found, expected), "both sides give the same token ids"
    assert found.shape == (batch, 1 + TOKENS), "to the length asked for"
    with torch.inference_mode():
        read = step_bytes(ours, ours.encode(**inputs), TOKENS, num_beams)
    search = f"beam {num_beams}" if num_beams > 1 else "greedy"
    return Row(
        f"{search}, batch {batch}, 5 s to {TOKENS} tokens",
        timed(lambda: crossloom.generate(ours, **inputs, **options)),
        timed(lambda: theirs.generate(**inputs, **options)),
        limit=TOKENS * read / subject.peaks.bandwidth,
    )
