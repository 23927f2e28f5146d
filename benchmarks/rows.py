"""What is measured: rows of sides that do the same work, as data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.inputs import FRAMES, RATE

MODES: dict[str, Any] = {"eager": False, "fast": "fast", "max": "max"}
"""How ours may be compiled, by its label -> what `crossloom.load` takes."""
ENDS = {label: MODES[label] for label in ("eager", "max")}
"""The two ends of them, for what takes long to compile and says little of the one between."""

TOKENS = 100
CAPTION = 20
"""Tokens that pairs write."""
STATES = 1e-5
"""Largest difference of states, as a share of the largest; of what is compiled and reordered, too."""
WAVEFORM = 1e-4
EXACT = 1e-9
"""Of what both sides compute in float64."""
ANCHOR = "transformers"
SPEC = "s2t-small-librispeech-asr"
SPECS, BUILT = 1000, 20
"""How many specs are checked, and of how many of them models are built beside."""
TRAINED = 4
"""Utterances in a step of training."""


@dataclass(frozen=True, slots=True)
class Side:
    """A task of one side.

    Attributes:
        label: of ours, the mode it is compiled in, or nothing where that means nothing; else what it is.
        module, task: the function of `benchmarks.sides` that prepares it.
        options: its arguments; `@NAME` is the folder of a checkpoint.
    """

    label: str
    module: str
    task: str
    options: Mapping[str, Any]
    is_ours: bool = False

    @property
    def is_tuned(self) -> bool:
        """Whether preparing it measures and chooses, so that nothing else may run meanwhile."""
        return self.label == "max"

    @property
    def name(self) -> str:
        """What messages call it."""
        return " ".join(filter(None, ["crossloom" if self.is_ours else "", self.label]))


@dataclass(frozen=True, slots=True)
class Row:
    """Our sides, and the anchors they are held against.

    Attributes:
        tolerance: of floats, as a share of the largest; ids, numbers and texts are equal.
        is_fresh: each side is timed in another process than the one whose outputs were compared, because its
            memory is the point, and comparing takes more.
        is_rounded: ours computes in a narrow dtype, and lies about as far from the first anchor, which does
            not, as the last, which does.
        limit: the function of `benchmarks.sides.machine` that says what the work has to read and compute.
    """

    name: str
    title: str
    sides: tuple[Side, ...]
    tolerance: float = 0.0
    is_fresh: bool = False
    is_rounded: bool = False
    limit: Side | None = None


def rows() -> dict[str, Row]:
    """Every row by its name, in the order of the table."""
    every = (*_compiling(), *_loading(), *_encoding(), *_decoding(), *_whole_tasks())
    return {row.name: row for row in every}


def _compiling() -> Iterator[Row]:
    """What needs no torch."""
    sizes = list(_sizes(SPECS))
    import_config = ["-c", "from transformers import Speech2TextConfig"]
    yield Row(
        "check",
        "check one spec, a process",
        (
            Side("", "processes", "python", {"arguments": ["-m", "crossloom", "check", SPEC]}, is_ours=True),
            Side("import of its config class", "processes", "python", {"arguments": import_config}),
        ),
    )
    yield Row(
        "check-many",
        f"check one of {SPECS:,} specs",
        (
            Side("", "ours", "check_many", {"texts": [_text(one) for one in sizes]}, is_ours=True),
            Side("meta-device build", "theirs", "build_many", {"configs": sizes[:BUILT]}),
        ),
    )
    yield Row("emit", "emit one spec", (Side("", "ours", "emit", {"spec": SPEC}, is_ours=True),))


def _loading() -> Iterator[Row]:
    """From files to a model that can run, and to its first token."""
    small, large = {"folder": "@s2t-small"}, {"folder": "@s2t-large"}
    yield Row(
        "verify",
        "verify a checkpoint, s2t-small",
        _plain("verify", {**small, "spec": SPEC}, anchor="from_pretrained"),
    )
    probe = {"probe": {"kind": "features", "batch": 1, "length": 100}}
    plain = _plain("load", {**large, **probe, "dtype": None})
    yield Row("load", "load s2t-large, 1.07 GB, float32", plain, EXACT, is_fresh=True)
    cast = _plain("load", {**large, **probe, "dtype": "bfloat16"})
    yield Row("load-bfloat16", "load s2t-large, cast to bfloat16", cast, EXACT, is_fresh=True)
    first = ["-m", "benchmarks.first_token"]
    yield Row(
        "first-token",
        "first token of a second process, s2t-small",
        (
            *(
                Side(
                    label,
                    "processes",
                    "python",
                    {"arguments": [*first, label, "@s2t-small"], "printed": True},
                    True,
                )
                for label in ENDS
            ),
            Side(
                ANCHOR, "processes", "python", {"arguments": [*first, ANCHOR, "@s2t-small"], "printed": True}
            ),
        ),
    )


def _encoding() -> Iterator[Row]:
    for batch in (1, 16):
        options = {"folder": "@s2t-small", "given": _speech(batch)}
        name = "encode" if batch == 1 else f"encode-{batch}"
        title = f"encode, batch {batch}, 5 s each"
        limit = Side("", "machine", "encoding", options)
        yield Row(name, f"{title}, float32", _compared("encode", options), STATES, limit=limit)
        narrow = {**options, "dtype": "bfloat16"}
        sides = (
            *_modes("encode", narrow),
            Side(f"{ANCHOR}, float32", "theirs", "encode", options),
            Side(f"{ANCHOR}, bfloat16", "theirs", "encode", narrow),
        )
        limit = Side("", "machine", "encoding", narrow)
        yield Row(f"{name}-bfloat16", f"{title}, bfloat16", sides, is_rounded=True, limit=limit)


def _decoding() -> Iterator[Row]:
    for name, batch, beams in (("greedy", 1, 1), ("greedy-16", 16, 1), ("beam-5", 1, 5), ("beam-5-8", 8, 5)):
        search = f"beam {beams}" if beams > 1 else "greedy"
        given = {"folder": "@s2t-small", "given": _speech(batch)}
        yield Row(
            name,
            f"{search}, batch {batch}, 5 s to {TOKENS} tokens",
            _compared("generate", {**given, "options": forced(TOKENS, beams)}),
            limit=Side("", "machine", "generation", {**given, "tokens": TOKENS, "beams": beams}),
        )


def _whole_tasks() -> Iterator[Row]:
    audio = {"folder": "@s2t-small", "audio": "@s2t-small/noise.wav", "options": forced(TOKENS)}
    yield Row(
        "speech", f"WAV to text, s2t-small, 5 s to {TOKENS} tokens", _compared("transcribe", audio, ENDS)
    )
    pictures = {"kind": "image", "batch": 1, "length": 224}
    for name, title, given in (
        (
            "speech-pair",
            "wav2vec 2.0 and BERT, base, 2 s",
            {"kind": "waveform", "batch": 1, "length": 2 * RATE},
        ),
        ("image-pair", "ViT and GPT-2, base, an image", pictures),
        ("line-pair", "Swin tiny and TrOCR small, an image", pictures),
        ("text-pair", "BERT base twice, 32 tokens", {"kind": "text", "batch": 1, "length": 32}),
    ):
        options = {"folder": f"@{name}", "given": given, "options": forced(CAPTION)}
        yield Row(name, f"{title} to {CAPTION} tokens", _compared("generate", options, ENDS))
    spoken = {
        "folder": "@translator",
        "given": {"kind": "features", "batch": 1, "length": 200, "width": 160},
        "options": {"tgt_lang": "fra", "speaker_id": 2, **forced(CAPTION, beams=5)},
    }
    yield Row(
        "translator",
        "SeamlessM4T v2, reduced, speech to speech",
        _compared("translate", spoken, ENDS),
        WAVEFORM,
    )
    training = {"folder": "@s2t-small", "given": _speech(TRAINED), "labels": 32}
    trainable = {label: mode for label, mode in MODES.items() if mode != "max"}  # whose weights are frozen
    yield Row(
        "train",
        f"training step, {TRAINED} utterances of 5 s, 32 labels, AdamW",
        _compared("train", training, trainable),
        STATES,
    )


def forced(tokens: int, beams: int = 1) -> dict[str, Any]:
    """Options that hold both sides to the same number of tokens."""
    return {
        "max_new_tokens": tokens,
        "min_new_tokens": tokens,
        "num_beams": beams,
        "do_sample": False,
        **({"early_stopping": True} if beams > 1 else {}),
    }


def _modes(task: str, options: Mapping[str, Any], modes: Mapping[str, Any] = MODES) -> tuple[Side, ...]:
    return tuple(
        Side(label, "ours", task, {**options, "compile": mode}, is_ours=True) for label, mode in modes.items()
    )


def _compared(task: str, options: Mapping[str, Any], modes: Mapping[str, Any] = MODES) -> tuple[Side, ...]:
    return (*_modes(task, options, modes), Side(ANCHOR, "theirs", task, options))


def _plain(task: str, options: Mapping[str, Any], anchor: str = ANCHOR) -> tuple[Side, ...]:
    return Side("", "ours", task, options, is_ours=True), Side(anchor, "theirs", task, options)


def _speech(batch: int) -> dict[str, Any]:
    return {"kind": "features", "batch": batch, "length": FRAMES}


def _sizes(count: int) -> Iterator[dict[str, int]]:
    for index in range(count):
        yield {
            "d_model": 64 + 16 * (index % 16),
            "encoder_layers": 1 + index % 12,
            "decoder_layers": 1 + index % 6,
            "encoder_ffn_dim": 256 + index,
            "decoder_ffn_dim": 512 + index,
            "vocab_size": 1000 + index,
        }


def _text(sizes: dict[str, int]) -> str:
    model = {"family": "speech_to_text", "config": sizes}
    return json.dumps({"crossloom": 1, "name": "measured", "model": model})
