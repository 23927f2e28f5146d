"""Random weights in published shapes, as folders that both sides load."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from transformers import (
    BertConfig,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GPT2Config,
    PreTrainedModel,
    SeamlessM4Tv2Config,
    Speech2TextConfig,
    Speech2TextFeatureExtractor,
    Speech2TextForConditionalGeneration,
    Speech2TextTokenizer,
    SpeechEncoderDecoderConfig,
    SpeechEncoderDecoderModel,
    SwinConfig,
    TrOCRConfig,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    Wav2Vec2Config,
)
from transformers.utils import logging

import crossloom
from benchmarks.inputs import write_recording
from tests.seamless.oracle import dedicated, model_of

SPREAD = 0.2
"""Deviation of the weights. At the published initial 0.02, outputs agree whatever is computed."""
PAIR_SPREAD = 0.05
"""The same in base sizes, which are wider and deeper."""
TINY = 24
"""For this width the tests spread weights of SeamlessM4T v2; in a wider one, states keep their scale."""
RECORDING = "noise.wav"
SECONDS = 5.0


def write(name: str, folder: str) -> None:
    """A checkpoint by its name; `s2t-small:decoder_layers=2` has another field in its configuration."""
    logging.disable_progress_bar()
    torch.manual_seed(0)
    base, _, changes = name.partition(":")
    fields = {
        field: int(value) for field, _, value in (one.partition("=") for one in changes.split(",") if one)
    }
    WRITERS[base](Path(folder), **fields)


def _small(folder: Path, **fields: int) -> None:
    """Speech2Text small; as published, with a front end, a tokenizer of words, and a recording."""
    config = _speech_to_text(folder, "s2t-small-librispeech-asr", **fields)
    if not fields:
        write_recording(folder / RECORDING, SECONDS)
        _write_words(folder, config.vocab_size)
        Speech2TextFeatureExtractor().save_pretrained(folder)


def _large(folder: Path, **fields: int) -> None:
    """Speech2Text large: 1.07 GB, of which loading says more than of a hundredth."""
    _speech_to_text(folder, "s2t-large-librispeech-asr", **fields)


def _speech_to_text(folder: Path, published: str, **fields: int) -> Speech2TextConfig:
    config = Speech2TextConfig(**{**crossloom.load_spec(published).config, **fields})
    _spread(Speech2TextForConditionalGeneration(config), SPREAD).save_pretrained(folder)
    return config


def _write_words(folder: Path, count: int) -> None:
    """A tokenizer whose piece of an id is a word of its own."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    words = [f"word{number}" for number in range(count - len(special))]
    prefix = folder / "words"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words),
        model_prefix=str(prefix),
        model_type="word",
        vocab_size=len(words) + 3,  # its own <unk>, <s> and </s>
        minloglevel=2,
    )
    pieces = [*special, *(f"▁{word}" for word in words)]
    vocabulary = folder / "pieces.json"
    vocabulary.write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}), encoding="utf-8")
    Speech2TextTokenizer(str(vocabulary), f"{prefix}.model").save_pretrained(folder)
    for file in (vocabulary, prefix.with_suffix(".model"), prefix.with_suffix(".vocab")):
        file.unlink()


def _speech_pair(folder: Path) -> None:
    """Base sizes of wav2vec 2.0 and BERT."""
    config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(Wav2Vec2Config(), BertConfig())
    _save_pair(SpeechEncoderDecoderModel(config), folder)


def _image_pair(folder: Path) -> None:
    """Base sizes of ViT and GPT-2."""
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(), GPT2Config())
    _save_pair(VisionEncoderDecoderModel(config), folder)


def _line_pair(folder: Path) -> None:
    """Swin tiny, and the decoder of TrOCR small."""
    decoder = TrOCRConfig(
        vocab_size=64044,
        d_model=256,
        decoder_layers=6,
        decoder_attention_heads=8,
        decoder_ffn_dim=1024,
        cross_attention_hidden_size=768,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(SwinConfig(), decoder)
    _save_pair(VisionEncoderDecoderModel(config), folder)


def _text_pair(folder: Path) -> None:
    """Base sizes of BERT, twice."""
    config = EncoderDecoderConfig.from_encoder_decoder_configs(BertConfig(), BertConfig())
    _save_pair(EncoderDecoderModel(config), folder)


def _save_pair(model: PreTrainedModel, folder: Path) -> None:
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = 2
    model.config.pad_token_id = model.generation_config.pad_token_id = 0
    model.generation_config.eos_token_id = 1
    _spread(model, PAIR_SPREAD).save_pretrained(folder)


def _translator(folder: Path) -> None:
    """SeamlessM4T v2 for speech to speech, reduced until a translation takes a second or two."""
    config = SeamlessM4Tv2Config(
        vocab_size=4000,
        t2u_vocab_size=2000,
        char_vocab_size=200,
        hidden_size=256,
        speech_encoder_layers=6,
        speech_encoder_attention_heads=8,
        speech_encoder_intermediate_size=1024,
        encoder_layers=2,
        encoder_attention_heads=8,
        encoder_ffn_dim=1024,
        decoder_layers=6,
        decoder_attention_heads=8,
        decoder_ffn_dim=1024,
        t2u_encoder_layers=3,
        t2u_encoder_attention_heads=8,
        t2u_encoder_ffn_dim=1024,
        t2u_decoder_layers=3,
        t2u_decoder_attention_heads=8,
        t2u_decoder_ffn_dim=1024,
        t2u_variance_predictor_embed_dim=256,
        unit_hifi_gan_vocab_size=1900,
        unit_embed_dim=256,
        upsample_initial_channel=128,
        vocoder_num_langs=8,
        vocoder_num_spkrs=8,
    )
    model = model_of(config, 0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and not name.startswith("vocoder") and "duration" not in name:
                parameter.mul_((TINY / config.hidden_size) ** 0.5)
    dedicated(model, "SeamlessM4Tv2ForSpeechToSpeech").save_pretrained(folder)


def _spread(model: PreTrainedModel, deviation: float) -> PreTrainedModel:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(std=deviation)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.add_(1.0)
    return model


WRITERS: dict[str, Callable[..., Any]] = {
    "s2t-small": _small,
    "s2t-large": _large,
    "speech-pair": _speech_pair,
    "image-pair": _image_pair,
    "line-pair": _line_pair,
    "text-pair": _text_pair,
    "translator": _translator,
}
