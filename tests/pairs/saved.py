"""Pairs as the public classes save them, one folder each: their encoders by what these read, and decoders.

A family is one line here, and every cell of the matrix with it is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from torch import Tensor
from transformers import (
    EncoderDecoderModel,
    SpeechEncoderDecoderModel,
    VisionEncoderDecoderModel,
    Wav2Vec2FeatureExtractor,
)

import crossloom
from tests.oracle import spread
from tests.pairs import oracle
from tests.speech import oracle as speech
from tests.vision import oracle as vision


@dataclass(frozen=True)
class Reads:
    """A public class of pairs: its encoders, how random ones are made, beside a width, and their inputs."""

    published: Any
    encoders: tuple[str, ...]
    make: Callable[[str, int, int], Any]
    inputs: Callable[[Any, int], dict[str, Tensor]]
    front_end: Any = None


def _texts(config: Any, seed: int) -> dict[str, Tensor]:
    texts = oracle.random_texts(config, seed)
    return {name: texts[name] for name in ("input_ids", "attention_mask")}


def _speech(family: str, seed: int, width: int) -> Any:
    """A speech encoder; an adapter of another width ends at the decoder's, or no public pair runs."""
    settings = speech.random_settings(family, seed)
    return speech.random_model(
        family, seed, **({"output_hidden_size": width} if "output_hidden_size" in settings else {})
    )


def _waveforms(_: Any, seed: int) -> dict[str, Tensor]:
    return dict(zip(("input_values", "attention_mask"), speech.random_audio(seed), strict=True))


READS = {
    "text": Reads(
        EncoderDecoderModel,
        ("bert", "distilbert", "roberta"),
        lambda family, seed, _: oracle.random_half("encoder", family, seed),
        _texts,
    ),
    "speech": Reads(
        SpeechEncoderDecoderModel,
        speech.FAMILIES,
        _speech,
        _waveforms,
        Wav2Vec2FeatureExtractor(return_attention_mask=True),
    ),
}
READS["vision"] = Reads(
    VisionEncoderDecoderModel,
    vision.FAMILIES,
    lambda family, seed, _: vision.random_model(family, seed),
    lambda config, seed: {"pixel_values": vision.random_images(config, seed)},
)
DECODERS = tuple(family for family in oracle.DECODERS if family != "speech_to_text_2")
"""All that the public implementation still has."""
SEEDS = range(3)

CELLS = [
    (kind, encoder, decoder)
    for kind, reads in READS.items()
    for encoder in reads.encoders
    for decoder in DECODERS
]


@dataclass(frozen=True)
class Saved:
    """A public pair, the folder it was saved in, ours made of that, and what goes into both; read-only."""

    theirs: Any
    folder: Path
    ours: Any
    inputs: dict[str, Tensor]
    target: dict[str, Tensor]


def random_pair(kind: str, encoder: str, decoder: str, seed: int) -> Any:
    """The public pair of a cell and a seed, every parameter spread, its ids set."""
    reads = READS[kind]
    last = oracle.random_half("decoder", decoder, seed)
    first = reads.make(encoder, seed, last.config.hidden_size)
    pair = reads.published(encoder=first, decoder=last)
    if hasattr(pair, "enc_to_dec_proj"):
        spread(pair.enc_to_dec_proj)
    pair.config.decoder_start_token_id = last.config.decoder_start_token_id
    pair.config.pad_token_id = last.config.pad_token_id
    return runnable(pair)


def runnable(pair: Any) -> Any:
    """The public pair in eval mode; its GPT-2 can only view states that lie in order, an adapter's do not."""

    def in_order(_: Any, __: Any, states: Any) -> Any:
        states.last_hidden_state = states.last_hidden_state.contiguous()
        return states

    pair.encoder.register_forward_hook(in_order)
    return pair.eval()


def save(pair: Any, kind: str, folder: Path) -> Path:
    """Write a public pair, and the file of its front end."""
    pair.save_pretrained(folder)
    if READS[kind].front_end is not None:
        READS[kind].front_end.save_pretrained(folder)
    return folder


@cache
def saved(kind: str, encoder: str, decoder: str, seed: int) -> Saved:
    """The case of a cell and a seed."""
    theirs = random_pair(kind, encoder, decoder, seed)
    folder = save(theirs, kind, Path(mkdtemp()))
    ours = crossloom.from_pretrained(folder)
    inputs = READS[kind].inputs(theirs.config.encoder, seed)
    return Saved(theirs, folder, ours, inputs, oracle.random_target(theirs.config.decoder, seed))


def logits(model: Any, case: Saved) -> Tensor:
    """What a pair, public or ours, makes of the inputs."""
    with torch.no_grad():
        found: Tensor = model(**case.inputs, **case.target).logits
    return found
