"""A transformers Speech2Text behind the live-model interface.

It lets `generate` be held against transformers' own without our model in between: any difference is
one of search or of options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, Speech2TextForConditionalGeneration

from specs.flow import Flow

CONFIG_FIELDS = (
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "decoder_start_token_id",
)


class Encoded(NamedTuple):
    hidden: Tensor
    mask: Tensor | None


@dataclass
class StandInSpec:
    config: dict[str, Any]
    maximum_target: int | None
    generation: dict[str, Any] = field(default_factory=dict)
    flows: tuple[Flow, ...] = ()


class AdapterCache:
    def __init__(self, encoded: Encoded, beams: int, length: int) -> None:
        self.states = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self.hidden = encoded.hidden.repeat_interleave(beams, dim=0)
        self.mask = None if encoded.mask is None else encoded.mask.repeat_interleave(beams, dim=0)
        self.room = length

    def reorder(self, parents: Tensor) -> None:
        self.states.reorder_cache(parents)


class Adapter:
    length_masks: Mapping[str, tuple[str, ...]] = MappingProxyType({"input_features": ("attention_mask",)})

    def __init__(self, theirs: Speech2TextForConditionalGeneration) -> None:
        self._model = theirs
        config = theirs.config
        positions = config.max_target_positions + 1 - config.pad_token_id
        self.spec = StandInSpec({name: getattr(config, name) for name in CONFIG_FIELDS}, positions)
        self.generation_defaults: dict[str, Any] = theirs.generation_config.to_diff_dict()
        self.tables: dict[str, Any] = {}
        self.vocabulary: int = config.vocab_size
        self.parameters = theirs.parameters
        self.encodings = 0
        self.cache_lengths: list[int] = []

    def encode(self, input_features: Tensor, attention_mask: Tensor | None = None) -> Encoded:
        self.encodings += 1
        hidden = self._model.model.encoder(input_features, attention_mask=attention_mask).last_hidden_state
        if attention_mask is None:
            return Encoded(hidden, None)
        mask = self._model.model._get_feature_vector_attention_mask(hidden.shape[1], attention_mask)
        return Encoded(hidden, mask)

    def new_cache(self, rows: int, length: int, encoded: Encoded, beams: int = 1) -> AdapterCache:
        assert rows == len(encoded.hidden) * beams
        self.cache_lengths.append(length)
        return AdapterCache(encoded, beams, length)

    def decode(self, decoder_input_ids: Tensor, encoded: Encoded, cache: AdapterCache) -> Tensor:
        cache.room -= decoder_input_ids.shape[1]
        assert cache.room >= 0, "more tokens than the cache was asked to hold"
        hidden = self._model.model.decoder(
            input_ids=decoder_input_ids,
            encoder_hidden_states=cache.hidden,
            encoder_attention_mask=cache.mask,
            past_key_values=cache.states,
            use_cache=True,
        ).last_hidden_state
        logits: Tensor = self._model.lm_head(hidden)
        return logits
