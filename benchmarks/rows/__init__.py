"""What is measured. A row first shows that both sides give the same, then hands over the two sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.subject import Subject
from runtime.measuring.samples import Side


@dataclass(frozen=True, slots=True)
class Row:
    """Two sides to time; `anchor` is absent where transformers has nothing alike.

    Attributes:
        count: how many pieces of work `ours` does a sample; times are shown for one.
        anchor_count: the same of `anchor`.
        limit: seconds for reading what has to be read, at the bandwidth measured in this run.
    """

    title: str
    ours: Side
    anchor: Side | None = None
    count: int = 1
    anchor_count: int = 1
    limit: float | None = None


def rows() -> dict[str, Callable[[Subject], Row]]:
    """Every row by its name, in the order of the table."""
    from benchmarks.rows import compiling, computing, decoding, loading, pairs, speaking

    return {
        "check": compiling.check,
        "check-many": compiling.check_many,
        "emit": compiling.emit,
        "verify": loading.verify,
        "load": loading.load,
        "load-bfloat16": loading.load_bfloat16,
        "start": loading.start,
        "encode": computing.encode_one,
        "encode-16": computing.encode_many,
        "greedy": decoding.greedy,
        "greedy-16": decoding.greedy_many,
        "beam-5": decoding.beams,
        "speech": speaking.transcribe,
        "train": computing.train,
        "speech-pair": pairs.speech,
        "vision-pair": pairs.vision,
        "text-pair": pairs.text,
    }
