"""The options of `generate`, named as in transformers' GenerationConfig, as a strict schema.

A spec's `generation:` section, a call of `generate` and a checkpoint's generation_config.json are
all read through `GenerationOptions`; `specs.generation.layers` merges them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

TokenId = Annotated[int, Field(ge=0)]
TokenIds = Annotated[list[TokenId], Field(min_length=1)]
# Containers that JSON and YAML can only write as lists; what they hold is checked strictly all the same.
Decay = Annotated[
    tuple[Annotated[int, Field(ge=0)], Annotated[FiniteFloat, Field(gt=0)]], Field(strict=False)
]
Bias = Annotated[tuple[TokenIds, FiniteFloat], Field(strict=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(ge=0, lt=1)]

SEARCH_IDS = ("pad_token_id", "eos_token_id", "decoder_start_token_id")
"""The special ids that a search reads; a text's beginning is no affair of it."""


class GenerationOptions(BaseModel):
    """Every option `generate` knows, at its neutral value unless set.

    Lengths count decoder tokens. "Sequence" lengths include the start token and any prefix,
    "new" ones do not. Nothing is coerced: `2.0` beams or `"5"` is an error; a whole number is
    accepted where a number is asked for.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    # Length
    max_length: int | None = Field(
        default=None,
        gt=0,
        description="Longest sequence, start token and prefix included. Replaces a `max_new_tokens` that is "
        "set in a place of lower precedence, which transformers would follow.",
    )
    max_new_tokens: int | None = Field(
        default=None,
        gt=0,
        description="Most tokens to generate. Where a checkpoint gives `max_length` as well, this counts.",
    )
    min_length: int = Field(
        default=0,
        ge=0,
        description="No end token before the sequence has this length, start token included. Replaces a "
        "`min_new_tokens` of lower precedence.",
    )
    min_new_tokens: int | None = Field(
        default=None,
        ge=0,
        description="No end token before this many new tokens. Where a checkpoint gives `min_length` as "
        "well, this counts.",
    )

    # Search
    num_beams: int = Field(
        default=1, ge=1, description="Hypotheses kept a sentence; 1 is greedy or plain sampling."
    )
    early_stopping: bool | Literal["never"] = Field(
        default=False,
        description="Beams: `true` stops at `num_beams` finished hypotheses, `false` when the best running "
        'score at its present length cannot beat them, `"never"` when no longer one can either.',
    )
    length_penalty: FiniteFloat = Field(
        default=1.0,
        description="A hypothesis of n new tokens scores (sum of log-probabilities) / n**length_penalty.",
    )
    num_return_sequences: int = Field(default=1, ge=1, description="Sequences returned for each sentence.")
    do_sample: bool = Field(default=False, description="Draw tokens at random instead of taking the best.")
    seed: int | None = Field(
        default=None,
        ge=0,
        lt=2**63,
        description="Seed of the draws; without one torch's global generator is used.",
    )

    # Sampling
    temperature: FiniteFloat = Field(default=1.0, gt=0, description="Sampling: scores are divided by this.")
    top_k: int | None = Field(
        default=50, ge=0, description="Sampling: keep the k best tokens; 0 or null keeps all. 50 unless set."
    )
    top_p: Fraction = Field(
        default=1.0, description="Sampling: keep the fewest best tokens whose probabilities reach this sum."
    )
    min_p: Fraction | None = Field(
        default=None, description="Sampling: drop tokens less probable than this share of the best token."
    )
    typical_p: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Sampling: keep the tokens nearest the entropy, up to this probability.",
    )
    epsilon_cutoff: OpenFraction = Field(
        default=0.0, description="Sampling: drop tokens less probable than this; 0 drops none."
    )
    eta_cutoff: OpenFraction = Field(
        default=0.0,
        description="Sampling: as `epsilon_cutoff`, relaxed where the entropy is high; 0 drops none.",
    )

    # Scores
    repetition_penalty: FiniteFloat = Field(
        default=1.0,
        gt=0,
        description="Scores of tokens already present are divided (or, below 0, multiplied) by it.",
    )
    no_repeat_ngram_size: int = Field(
        default=0, ge=0, description="No n-gram of this size occurs twice; 0 is off."
    )
    bad_words_ids: list[TokenIds] | None = Field(
        default=None, min_length=1, description="Id sequences that never occur."
    )
    sequence_bias: list[Bias] | None = Field(
        default=None,
        min_length=1,
        description="Pairs [ids, bias]: added to the score of the token completing ids.",
    )
    suppress_tokens: list[TokenId] | None = Field(default=None, description="Ids never generated.")
    begin_suppress_tokens: list[TokenId] | None = Field(default=None, description="Ids not generated first.")
    exponential_decay_length_penalty: Decay | None = Field(
        default=None,
        description="[start, factor]: past `start` new tokens the end token's score grows by factor**excess.",
    )
    remove_invalid_values: bool = Field(
        default=False, description="Replace NaN by 0 and infinities by the extremes."
    )
    renormalize_logits: bool = Field(
        default=False, description="Normalise once more after all the options above."
    )

    # Special tokens
    forced_bos_token_id: TokenId | None = Field(
        default=None, description="Id forced right after the start token (a language, say)."
    )
    forced_eos_token_id: TokenId | TokenIds | None = Field(
        default=None, description="Id, or ids, allowed at the last place when the longest length is reached."
    )
    pad_token_id: TokenId | None = Field(default=None, description="Id written after the end of a sequence.")
    eos_token_id: TokenId | TokenIds | None = Field(
        default=None, description="Id, or ids, that end a sequence; null never ends one before the limit."
    )
    decoder_start_token_id: TokenId | TokenIds | None = Field(
        default=None, description="Id every sequence starts with, or one for each sentence."
    )

    @property
    def eos_token_ids(self) -> tuple[int, ...]:
        """The ids that end a sequence, as many as there are; empty if none does."""
        return _as_tuple(self.eos_token_id)

    @property
    def forced_eos_token_ids(self) -> tuple[int, ...]:
        """The ids allowed at the last place; empty if any is."""
        return _as_tuple(self.forced_eos_token_id)

    @property
    def decoder_start_token_ids(self) -> tuple[int, ...]:
        """The start id, or one for each sentence; empty if none is known."""
        return _as_tuple(self.decoder_start_token_id)


def _as_tuple(ids: int | list[int] | None) -> tuple[int, ...]:
    if ids is None:
        return ()
    return (ids,) if isinstance(ids, int) else tuple(ids)


OPTION_NAMES = frozenset(GenerationOptions.model_fields)

SAMPLING_NAMES = frozenset(
    {"temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"}
)
"""Options that do nothing unless `do_sample` is set."""

BEAM_NAMES = frozenset({"early_stopping", "length_penalty"})
"""Options that choose no token unless `num_beams` is above 1; a penalty still shapes a lone beam's score."""

LENGTH_PAIRS = (("max_length", "max_new_tokens"), ("min_length", "min_new_tokens"))
"""Two ways to say one length; in a checkpoint that says both the second counts."""


def idle_options(values: Mapping[str, Any]) -> set[str]:
    """The names of a checkpoint's options that do nothing beside its others."""
    idle = {first for first, second in LENGTH_PAIRS if values.get(second) is not None}
    if not values.get("do_sample"):
        idle |= SAMPLING_NAMES
    if (values.get("num_beams") or 1) == 1:
        idle |= BEAM_NAMES
    return idle & values.keys()


INERT_FIELDS = frozenset(
    {
        # provenance
        "_commit_hash",
        "_from_model_config",
        "_original_object_hash",
        "transformers_version",
        # how transformers computes or returns, not what
        "cache_config",
        "cache_implementation",
        "compile_config",
        "disable_compile",
        "max_cache_len",
        "output_attentions",
        "output_hidden_states",
        "output_logits",
        "output_scores",
        "prefill_chunk_size",
        "return_dict_in_generate",
        "return_legacy_cache",
        "use_cache",
        # only with an assistant model, which is refused below
        "assistant_confidence_threshold",
        "assistant_ensemble_weight",
        "assistant_lookbehind",
        "is_assistant",
        "max_matching_ngram_size",
        "num_assistant_tokens",
        "num_assistant_tokens_schedule",
        "target_lookbehind",
        # an encoder-decoder starts with decoder_start_token_id
        "bos_token_id",
    }
)
"""Fields of a checkpoint's generation_config.json that change no token: dropped."""

REFUSED_FIELDS: dict[str, tuple[object, ...]] = {
    "assistant_early_exit": (None,),
    "constraints": (None,),
    "diversity_penalty": (None, 0.0),
    "dola_layers": (None,),
    "encoder_no_repeat_ngram_size": (None, 0),
    "encoder_repetition_penalty": (None, 1.0),
    "force_words_ids": (None,),
    "guidance_scale": (None, 1.0),
    "low_memory": (None, False),
    "max_time": (None,),
    "num_beam_groups": (None, 1),
    "penalty_alpha": (None, 0.0),
    "prompt_lookup_num_tokens": (None,),
    "speculation_type": (None,),
    "stop_strings": (None,),
    "token_healing": (None, False),
    "top_h": (None,),
    "use_mtp": (None, False),
    "watermarking_config": (None,),
}
"""Fields that would change the tokens and are not supported, each with its neutral values."""

CHECKPOINT_FIELDS = OPTION_NAMES - {"seed"} | INERT_FIELDS | REFUSED_FIELDS.keys()
"""Every field of a generation_config.json that is known by name."""
