"""An encoder and a decoder of published shapes put together: a speech, a vision and a text pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import (
    BertConfig,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GPT2Config,
    PreTrainedModel,
    SpeechEncoderDecoderConfig,
    SpeechEncoderDecoderModel,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    Wav2Vec2Config,
)

import crossloom
from benchmarks.rows import Row
from benchmarks.subject import SPREAD, Subject
from runtime.measuring import timed

TOKENS = 20


class Pair(NamedTuple):
    """Both sides with the same random weights, and what they are given."""

    title: str
    ours: Any
    theirs: PreTrainedModel
    inputs: dict[str, Tensor]


def speech(subject: Subject) -> Row:
    """Two seconds of audio through wav2vec 2.0 base, and BERT base."""
    config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(Wav2Vec2Config(), BertConfig())
    inputs = {
        "input_values": torch.randn(1, 32000, generator=torch.Generator().manual_seed(0)),
        "attention_mask": torch.ones(1, 32000, dtype=torch.long),
    }
    title = "wav2vec 2.0 base and BERT base, 2 s"
    return _row(_pair(title, SpeechEncoderDecoderModel(config), subject.folder.parent / "speech", inputs))


def vision(subject: Subject) -> Row:
    """One image through ViT base, and GPT-2."""
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(), GPT2Config())
    inputs = {"pixel_values": torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))}
    title = "ViT base and GPT-2, one image"
    return _row(_pair(title, VisionEncoderDecoderModel(config), subject.folder.parent / "vision", inputs))


def text(subject: Subject) -> Row:
    """A sentence of 32 tokens through BERT base, and BERT base again."""
    config = EncoderDecoderConfig.from_encoder_decoder_configs(BertConfig(), BertConfig())
    inputs = {
        "input_ids": torch.randint(1000, 30000, (1, 32), generator=torch.Generator().manual_seed(0)),
        "attention_mask": torch.ones(1, 32, dtype=torch.long),
    }
    title = "BERT base twice, 32 tokens"
    return _row(_pair(title, EncoderDecoderModel(config), subject.folder.parent / "text", inputs))


def _pair(title: str, model: PreTrainedModel, folder: Path, inputs: dict[str, Tensor]) -> Pair:
    """Spread the weights, save, and load on either side."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(std=SPREAD / 4, generator=generator)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.add_(1.0)
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = 2
    model.config.pad_token_id = model.generation_config.pad_token_id = 0
    model.generation_config.eos_token_id = 1
    model.save_pretrained(folder)
    theirs = type(model).from_pretrained(folder).eval()
    return Pair(title, crossloom.from_pretrained(folder), theirs, inputs)


def _row(pair: Pair) -> Row:
    """Greedy search to a length that both sides are held to, encoder included."""
    options: dict[str, Any] = {"max_new_tokens": TOKENS, "min_new_tokens": TOKENS, "do_sample": False}
    expected = pair.theirs.generate(**pair.inputs, **options)
    found = crossloom.generate(pair.ours, **pair.inputs, **options)
    assert isinstance(found, Tensor), "scores were not asked for"
    assert torch.equal(found, expected), "both sides give the same token ids"
    return Row(
        f"{pair.title}, greedy to {TOKENS} tokens",
        timed(lambda: crossloom.generate(pair.ours, **pair.inputs, **options)),
        timed(lambda: pair.theirs.generate(**pair.inputs, **options)),
    )
