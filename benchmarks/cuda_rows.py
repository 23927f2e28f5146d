"""What is measured on CUDA: tasks at published sizes, and what each is to reach. All of it is data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.inputs import FRAMES, RATE
from benchmarks.rows import CAPTION, TOKENS, forced

SPEECH_SIDES = ("eager", "max")


@dataclass(frozen=True, slots=True)
class Row:
    """A task of ours in several modes, and of the public implementation.

    Attributes:
        task: the kind of work, a method of `benchmarks.cuda_sides.Task`.
        checkpoint: a name of `benchmarks.checkpoints`.
        given: arguments of `benchmarks.inputs.make`; nothing for a task without.
        sides: modes of ours: eager, fast, max, or fused, which is max over a step that torch compiled.
        goal: how many times faster than the public implementation, by medians; None states none.
        dtype: of weights and features. Of float32 ids are equal, of others the share that agrees is told.
        needs: seconds that must be left for the row to begin.
    """

    name: str
    title: str
    task: str
    checkpoint: str
    given: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    sides: tuple[str, ...] = SPEECH_SIDES
    goal: float | None = None
    dtype: str = "float32"
    needs: float = 20


def _speech(batch: int) -> dict[str, Any]:
    return {"kind": "features", "batch": batch, "length": FRAMES}


def _generation(name: str, title: str, checkpoint: str, batch: int, beams: int, **more: Any) -> Row:
    return Row(name, title, "generate", checkpoint, _speech(batch), forced(TOKENS, beams), **more)


PICTURE = {"kind": "image", "batch": 1, "length": 224}
TASKS = f"to {TOKENS} tokens"
ROWS = (
    _generation("greedy", f"greedy, batch 1, 5 s {TASKS}, s2t-small", "s2t-small", 1, 1, goal=10),
    _generation("beam-5", f"five beams, batch 1, 5 s {TASKS}, s2t-small", "s2t-small", 1, 5, goal=10),
    _generation("greedy-16", f"greedy, batch 16, 5 s {TASKS}, s2t-small", "s2t-small", 16, 1, goal=6),
    _generation("beam-5-8", f"five beams, batch 8, 5 s {TASKS}, s2t-small", "s2t-small", 8, 5, goal=10),
    Row("encode", "encode, batch 1, 5 s", "encode", "s2t-small", _speech(1), goal=3),
    Row("encode-16", "encode, batch 16, 5 s", "encode", "s2t-small", _speech(16)),
    Row("encode-bfloat16", "encode, batch 1, 5 s", "encode", "s2t-small", _speech(1), dtype="bfloat16"),
    Row("encode-float16", "encode, batch 1, 5 s", "encode", "s2t-small", _speech(1), dtype="float16"),
    _generation("greedy-bfloat16", f"greedy, batch 1, 5 s {TASKS}", "s2t-small", 1, 1, dtype="bfloat16"),
    _generation("beam-5-float16", f"five beams, batch 1, 5 s {TASKS}", "s2t-small", 1, 5, dtype="float16"),
    Row(
        "speech",
        f"WAV to text, 5 s {TASKS}, s2t-small",
        "transcribe",
        "s2t-small",
        options=forced(TOKENS),
        goal=6,
    ),
    Row("load", "load s2t-large, 1.07 GB, float32", "load", "s2t-large", sides=("eager",), goal=2, needs=40),
    Row(
        "load-bfloat16",
        "load s2t-large, cast to bfloat16",
        "load",
        "s2t-large",
        sides=("eager",),
        dtype="bfloat16",
    ),
    _generation(
        "greedy-large", f"greedy, batch 1, 5 s {TASKS}, s2t-large", "s2t-large", 1, 1, goal=6, needs=35
    ),
    Row(
        "image-pair",
        f"ViT and GPT-2, base, an image to {CAPTION} tokens",
        "generate",
        "image-pair",
        PICTURE,
        forced(CAPTION),
        goal=5,
        needs=35,
    ),
    Row(
        "line-pair",
        f"Swin tiny and TrOCR small, an image to {CAPTION} tokens",
        "generate",
        "line-pair",
        PICTURE,
        forced(CAPTION),
        goal=5,
        needs=30,
    ),
    Row(
        "translator",
        "SeamlessM4T v2, reduced, speech to speech",
        "translate",
        "translator",
        {"kind": "features", "batch": 1, "length": 200, "width": 160},
        {"tgt_lang": "fra", "speaker_id": 2, **forced(CAPTION, beams=5)},
        goal=4,
        needs=60,
    ),
    Row(
        "train",
        "training step, 4 utterances of 5 s, 32 labels, AdamW",
        "train",
        "s2t-small",
        _speech(4),
        {"labels": 32},
        sides=("eager", "fast"),
        goal=1.5,
        needs=70,
    ),
    _generation(
        "greedy-fast",
        f"greedy, batch 1, 5 s {TASKS}, s2t-small",
        "s2t-small",
        1,
        1,
        sides=("fast",),
        needs=60,
    ),
    _generation(
        "greedy-fused",
        f"greedy, batch 1, 5 s {TASKS}, s2t-small",
        "s2t-small",
        1,
        1,
        sides=("fused",),
        needs=60,
    ),
    Row(
        "speech-pair",
        f"wav2vec 2.0 and BERT, base, 2 s to {CAPTION} tokens",
        "generate",
        "speech-pair",
        {"kind": "waveform", "batch": 1, "length": 2 * RATE},
        forced(CAPTION),
        needs=40,
    ),
)

SHALLOW = "s2t-small:encoder_layers=1,decoder_layers=1"
REDUCED = {"s2t-small": SHALLOW, "s2t-large": SHALLOW, "image-pair": "line-pair"}
"""What a dry run on a CPU takes in place of a checkpoint."""


def reduced(row: Row) -> Row:
    """The row as a dry run does it: a few tokens."""
    few: dict[str, Any] = {name: 4 for name in ("max_new_tokens", "min_new_tokens") if name in row.options}
    is_small = row.task == "transcribe"  # which takes what only the published shape comes with
    checkpoint = row.checkpoint if is_small else REDUCED.get(row.checkpoint, row.checkpoint)
    return replace(row, checkpoint=checkpoint, options={**row.options, **few}, needs=0)


STATIC = ("image-pair", "greedy")
"""Rows for which the public implementation is asked for its static cache as well, when all is done."""
MEMORY_ROW, MEMORY_GOAL = "beam-5-8", 0.6
"""Peak of ours over that of the public implementation, without graphs: of one sentence it is the weights."""
