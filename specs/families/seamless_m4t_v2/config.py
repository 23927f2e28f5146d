"""The config.json of SeamlessM4T v2, with the class defaults of the published configuration."""

from __future__ import annotations

from specs.families.seamless_m4t_v2.fields import (
    SharedFields,
    SpeechEncoderFields,
    TextFields,
    UnitFields,
    VocoderFields,
)


class SeamlessM4Tv2Config(VocoderFields, UnitFields, SpeechEncoderFields, TextFields, SharedFields):
    """Two encoders, a text decoder, a unit model and a vocoder."""


LEAKED = {"use_cache": "decoding here always uses its cache when given one"}
"""Fields that published files carry and that say nothing about this model."""

ALIASES = {"num_hidden_layers": "decoder_layers", "num_attention_heads": "decoder_attention_heads"}
"""Second names of fields in published files."""

INERT = frozenset(
    {
        "activation_dropout",
        "adaptor_dropout",
        "attention_dropout",
        "bos_token_id",
        "decoder_layerdrop",
        "dropout",
        "encoder_layerdrop",
        "initializer_range",
        "max_new_tokens",
        "max_position_embeddings",
        "speech_encoder_dropout",
        "speech_encoder_layerdrop",
        "t2u_bos_token_id",
        "t2u_decoder_ffn_dim",
        "t2u_max_position_embeddings",
        "t2u_variance_pred_dropout",
        "var_pred_dropout",
    }
)
"""Fields that do not change what a trained model computes within its limits."""
