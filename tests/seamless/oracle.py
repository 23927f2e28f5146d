"""The public SeamlessM4T v2 as an oracle: tiny models of every published class, and padded batches.

Weights are spread as in `tests.oracle`, and then changed, for what comes out would else say little:

- Matrices of the text and unit layers are doubled, and where embeddings are not scaled, these and those once
  more: a token's own embedding, which is also its row of the head, or else its position, would decide alone
  what comes next.
- Convolutions of the generator grow with their number of inputs, or the waveform would fade to nothing.
- Ending a text is made likelier, or none would end before its limit.
- The last layer of either duration predictor is scaled so that most durations are 1 to 6. They are the
  exponential of what it gives: drawn like the rest, a third of them would be 1 whatever the states are, and a
  few in the hundreds.
- Ids that a stage must not give to the next have rows of zeros, so that their logits are 0 and never the
  largest: padding of texts, and units that the vocoder does not embed. The published code fails on both, and
  on a batch of empty texts, which `min_new_tokens` rules out.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    GenerationConfig,
    PreTrainedModel,
    SeamlessM4TFeatureExtractor,
    SeamlessM4Tv2Config,
    SeamlessM4Tv2ForSpeechToSpeech,
    SeamlessM4Tv2ForSpeechToText,
    SeamlessM4Tv2ForTextToSpeech,
    SeamlessM4Tv2ForTextToText,
    SeamlessM4Tv2Model,
)

from tests.oracle import SPREAD, random_mask, spread
from tests.seamless.maps import language_maps
from tests.seamless.settings import STACKED, random_config

CLASSES: dict[str, Any] = {
    published.__name__: published
    for published in (
        SeamlessM4Tv2Model,
        SeamlessM4Tv2ForTextToText,
        SeamlessM4Tv2ForSpeechToText,
        SeamlessM4Tv2ForTextToSpeech,
        SeamlessM4Tv2ForSpeechToSpeech,
    )
}
MULTITASK, *DEDICATED = CLASSES
"""The class of all five tasks, and those of one each, by which ours are named as architectures."""

_USUAL_DURATION = 2.5
_DURATION_SPREAD = 0.5
"""Of the logarithm of a duration, plus one."""


def random_model(seed: int) -> SeamlessM4Tv2Model:
    """The multi-task model of a seed in eval mode, with the maps that its generation needs."""
    return model_of(random_config(seed), seed)


def model_of(config: SeamlessM4Tv2Config, seed: int) -> SeamlessM4Tv2Model:
    """The model of a configuration, its weights drawn from a seed."""
    torch.manual_seed(seed)
    model: SeamlessM4Tv2Model = spread(SeamlessM4Tv2Model(config))
    with torch.no_grad():
        _enlarge(model)
        _usual_durations(model.t2u_model.model.decoder.duration_predictor.proj)
        _usual_durations(model.vocoder.dur_predictor.proj)
        model.lm_head.weight[config.eos_token_id] *= 1.5
        model.lm_head.weight[config.pad_token_id] = 0.0
        model.t2u_model.lm_head.weight[silent_units(config)] = 0.0
    model.generation_config = generation_config(config)
    return model


def _enlarge(model: SeamlessM4Tv2Model) -> None:
    """Let layers outweigh embeddings, embeddings positions, and keep the scale of what is convolved."""
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    scale = 1.0 if model.config.scale_embedding else 2.0
    for part in (model.text_encoder, model.text_decoder, model.t2u_model):
        for parameter in part.parameters():
            if parameter.dim() > 1:
                parameter.mul_(scale if id(parameter) in embeddings else 2 * scale)
    for module in model.vocoder.hifi_gan.modules():
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
            taps = module.kernel_size[0] / module.stride[0]
            module.weight.normal_(std=max(SPREAD, 1.1 / math.sqrt(module.in_channels * taps)))


def _usual_durations(layer: Any) -> None:
    """Scale a layer that gives log(1 + duration) of normalised states."""
    layer.weight.normal_(std=_DURATION_SPREAD / math.sqrt(layer.in_features))
    layer.bias.fill_(math.log1p(_USUAL_DURATION))


def silent_units(config: SeamlessM4Tv2Config) -> list[int]:
    """Unit ids that are neither special nor embedded by the vocoder, once its offset is taken off."""
    special = {config.t2u_pad_token_id, config.t2u_eos_token_id}
    first = config.vocoder_offset
    spoken = range(first, first + config.unit_hifi_gan_vocab_size)
    return [unit for unit in range(config.t2u_vocab_size) if unit not in special and unit not in spoken]


def generation_config(config: SeamlessM4Tv2Config) -> GenerationConfig:
    """Special ids and a short limit, beside the maps of languages, characters and pieces."""
    ids = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "max_new_tokens")
    made = GenerationConfig(**{name: getattr(config, name) for name in ids}, min_new_tokens=2)
    for name, entries in language_maps(config).items():
        setattr(made, name, entries)
    return made


def dedicated(model: SeamlessM4Tv2Model, architecture: str) -> PreTrainedModel:
    """A class of one task with the parameters of the multi-task model."""
    if architecture == MULTITASK:
        return model
    made: PreTrainedModel = CLASSES[architecture](model.config).eval()
    wanted = made.state_dict().keys()
    made.load_state_dict({name: tensor for name, tensor in model.state_dict().items() if name in wanted})
    made.generation_config = model.generation_config
    return made


def save(seed: int, architecture: str, folder: Path) -> PreTrainedModel:
    """Write a class's model of a seed in Hub layout, beside its front end's file, and give it."""
    model = dedicated(random_model(seed), architecture)
    model.save_pretrained(folder)
    save_front_end(model.config, folder)
    return model


def save_front_end(config: SeamlessM4Tv2Config, folder: Path) -> None:
    """Write the file of the front end that a model is for."""
    bins = config.feature_projection_input_dim // STACKED
    SeamlessM4TFeatureExtractor(feature_size=bins, num_mel_bins=bins, stride=STACKED).save_pretrained(folder)


def speech_batch(config: SeamlessM4Tv2Config, seed: int, rows: int = 3) -> dict[str, Tensor]:
    """Features [rows, F, bins] and their mask; padding holds numbers, and the first row fills the batch."""
    generator = torch.Generator().manual_seed(seed)
    draw = random.Random(f"speech {seed}")
    mask = random_mask(draw, draw.randint(18, 30), 5, rows)
    features = torch.randn(*mask.shape, config.feature_projection_input_dim, generator=generator)
    return {"input_features": features, "attention_mask": mask}


def text_batch(config: SeamlessM4Tv2Config, seed: int, rows: int = 3) -> dict[str, Tensor]:
    """Ids [rows, S] padded at the end, and their mask; the first row fills the batch."""
    generator = torch.Generator().manual_seed(seed)
    draw = random.Random(f"text {seed}")
    mask = random_mask(draw, draw.randint(6, 10), 2, rows)
    ids = _tokens(config, (rows, mask.shape[1]), generator)
    return {"input_ids": ids.masked_fill(mask == 0, config.pad_token_id), "attention_mask": mask}


def decoder_ids(config: SeamlessM4Tv2Config, seed: int, rows: int = 3) -> Tensor:
    """Ids [rows, T] that begin with the start id; the last row is padded."""
    generator = torch.Generator().manual_seed(seed)
    ids = _tokens(config, (rows, random.Random(f"target {seed}").randint(4, 8)), generator)
    ids[:, 0] = config.decoder_start_token_id
    ids[-1, -2:] = config.pad_token_id
    return ids


def _tokens(config: SeamlessM4Tv2Config, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Random ids, none of which is padding."""
    ids = torch.randint(config.vocab_size - 1, shape, generator=generator)
    pad: int = config.pad_token_id
    return ids + (ids >= pad).long()
