"""The public implementation as an oracle: what all comparisons share, and tiny Speech2Text models.

The seed of a configuration is its number in a sequence, never chosen. Weights are spread to a standard
deviation of 0.2: at the published 0.02 a missing projection moves logits by 1e-6 and passes any test.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    GenerationConfig,
    Speech2TextConfig,
    Speech2TextFeatureExtractor,
    Speech2TextForConditionalGeneration,
)
from transformers.models.trocr.modeling_trocr import TrOCRSinusoidalPositionalEmbedding

import crossloom

ACTIVATIONS = (
    "relu", "gelu", "gelu_new", "silu", "swish", "tanh", "sigmoid", "mish", "relu6", "relu2", "quick_gelu",
    "gelu_fast", "gelu_python", "gelu_pytorch_tanh", "gelu_accurate", "linear", "leaky_relu",
)  # fmt: skip

SPREAD = 0.2
ALL_WIDTHS_COINCIDE = 0
"""Seed of the configuration whose widths, channels, bins, vocabulary and positions are one number."""
NO_WIDTHS_COINCIDE = 1
"""Seed of the configuration in which no two of them are equal."""

_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm1d)


def spread(model: Any) -> Any:
    """Draw every parameter anew, norm scales around 1, and the statistics that norms over a batch store."""
    norms = {id(module.weight) for module in model.modules() if isinstance(module, _NORMS)}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=SPREAD)
            if id(parameter) in norms:
                parameter.add_(1.0)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(std=SPREAD)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0)
    return model.eval()


def random_mask(draw: random.Random, longest: int, shortest: int, rows: int) -> Tensor:
    """Of inputs [rows, longest] of random lengths, the first of which fills the batch."""
    lengths = torch.tensor([longest, *(draw.randint(shortest, longest) for _ in range(rows - 1))])
    return (torch.arange(longest) < lengths.unsqueeze(1)).long()


def read_back(published: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The model of a folder, and what is missing from it or too much.

    The public TrOCR loses its sinusoids when it is loaded: they are neither parameters nor buffers.
    """
    model, report = published.from_pretrained(folder, output_loading_info=True)
    for module in model.modules():
        if isinstance(module, TrOCRSinusoidalPositionalEmbedding) and module.weights.is_meta:
            module.weights = module.get_embedding(*module.weights.shape, module.padding_idx)
    return model.eval(), report


def stored_differently(first: Path, second: Path) -> list[str]:
    """Names of tensors that only one of two folders has, or that differ in a bit."""
    one, other = (load_file(folder / "model.safetensors") for folder in (first, second))
    shared = one.keys() & other.keys()
    return sorted(
        (one.keys() ^ other.keys()) | {name for name in shared if not torch.equal(one[name], other[name])}
    )


def respelt(folder: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    """Write a folder's tensors anew."""
    file = folder / "model.safetensors"
    stored = {name: tensor.clone() for name, tensor in load_file(file).items()}
    save_file(change(stored), file, metadata={"format": "pt"})


def searched(
    ours: Any, theirs: Any, given: Mapping[str, Tensor], length: int, beams: int
) -> tuple[list[list[int]], list[list[int]]]:
    """The ids that greedy or beam search makes with ours and with the public model."""
    options: dict[str, Any] = {"max_new_tokens": length, "num_beams": beams}
    published = theirs.generate(**given, **options, do_sample=False)
    ids = crossloom.generate(ours, **given, **options)
    assert isinstance(ids, Tensor)
    return ids.tolist(), published.tolist()


def random_config(seed: int) -> Speech2TextConfig:
    """A tiny configuration; widths, heads, depths, kernels, activation, scaling, tying and ids vary."""
    draw = random.Random(f"speech_to_text {seed}")
    widths = _widths(draw, seed)
    encoder_heads = decoder_heads = 4
    if seed != ALL_WIDTHS_COINCIDE:
        encoder_heads, decoder_heads = draw.sample([n for n in range(1, 9) if widths["d_model"] % n == 0], 2)
    convolutions = 2 if seed in (ALL_WIDTHS_COINCIDE, NO_WIDTHS_COINCIDE) else draw.randint(1, 3)
    pad, bos, eos, start = _ids(draw, seed, widths["vocab_size"])
    return Speech2TextConfig(
        **widths,
        encoder_layers=draw.randint(1, 3),
        decoder_layers=draw.randint(1, 3),
        encoder_attention_heads=encoder_heads,
        decoder_attention_heads=decoder_heads,
        activation_function=ACTIVATIONS[seed % len(ACTIVATIONS)],
        num_conv_layers=convolutions,
        conv_kernel_sizes=[draw.randint(1, 6) for _ in range(convolutions)],
        input_channels=1 if seed == ALL_WIDTHS_COINCIDE else draw.choice((1, 1, 2)),
        scale_embedding=seed % 4 < 2,
        tie_word_embeddings=seed % 2 == 0,
        pad_token_id=pad,
        bos_token_id=bos,
        eos_token_id=eos,
        decoder_start_token_id=start,
        encoder_layerdrop=draw.choice((0.0, 0.1)),
        decoder_layerdrop=draw.choice((0.0, 0.2)),
        dropout=draw.choice((0.0, 0.1)),
        attention_dropout=draw.choice((0.0, 0.1)),
        activation_dropout=draw.choice((0.0, 0.1)),
    )


def _widths(draw: random.Random, seed: int) -> dict[str, Any]:
    """Every size that could be mistaken for another, within what the published class accepts."""
    drawn = {
        "d_model": draw.choice((8, 12, 16, 18, 20, 24, 30, 32)),
        "encoder_ffn_dim": draw.randint(5, 40),
        "decoder_ffn_dim": draw.randint(5, 40),
        "conv_channels": 2 * draw.randint(3, 20),
        "input_feat_per_channel": draw.randint(4, 20),
        "vocab_size": draw.randint(20, 60),
        "max_source_positions": draw.randint(40, 80),
        "max_target_positions": draw.randint(30, 60),
    }
    if seed == ALL_WIDTHS_COINCIDE:
        return dict.fromkeys(drawn, 24)
    if seed == NO_WIDTHS_COINCIDE:
        return dict(zip(drawn, (24, 20, 28, 22, 18, 41, 60, 50), strict=True))
    return drawn


def _ids(draw: random.Random, seed: int, vocabulary: int) -> tuple[int, int, int, int]:
    """Pad, bos, eos and start ids: the published ones, or four different ones with pad above 1, or pad 0.

    The published encoder compares the pad id with a 0/1 indicator: 0, 1 and any other are three cases.
    It stays small: the published decoder, given a cache, does not grow its table for pad id + position.
    """
    if seed % 3 == 0:
        return 1, 0, 2, 2
    pad = 0 if seed % 3 == 2 else draw.randint(3, 11)
    bos, eos, start = draw.sample([id_ for id_ in range(vocabulary) if id_ != pad], 3)
    return pad, bos, eos, start


def random_model(seed: int) -> Speech2TextForConditionalGeneration:
    """The model of `random_config(seed)` in eval mode, its parameters spread. Tied ones stay tied."""
    torch.manual_seed(seed)
    model: Speech2TextForConditionalGeneration = spread(
        Speech2TextForConditionalGeneration(random_config(seed))
    )
    model.generation_config = GenerationConfig.from_model_config(model.config)
    model.generation_config.max_new_tokens = 12
    return model


def save(model: Speech2TextForConditionalGeneration, folder: Path) -> Path:
    """Write the model in Hub layout, as its users do, with the front end that makes its features."""
    model.save_pretrained(folder)
    bins = model.config.input_feat_per_channel * model.config.input_channels
    Speech2TextFeatureExtractor(feature_size=bins, num_mel_bins=bins).save_pretrained(folder)
    return folder


def random_batch(config: Speech2TextConfig, seed: int, rows: int = 3) -> dict[str, torch.Tensor]:
    """Padded features [rows, F, bins], their mask, and decoder ids with padding at the end of some rows.

    The first row fills the batch. Padded frames hold numbers, not zeros: a mask left out shows.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = random.Random(f"batch {seed}")
    frames = draw.randint(20, 36)
    mask = random_mask(draw, frames, 3, rows)
    bins = config.input_feat_per_channel * config.input_channels
    ids = torch.randint(config.vocab_size, (rows, draw.randint(4, 9)), generator=generator)
    ids[:, 0] = config.decoder_start_token_id
    ids[-1, -2:] = config.pad_token_id or 0
    return {
        "input_features": torch.randn(rows, frames, bins, generator=generator),
        "attention_mask": mask,
        "decoder_input_ids": ids,
    }
