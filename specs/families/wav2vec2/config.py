"""The fields of a wav2vec 2.0 config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from specs.families.wav2vec2.fields import (
    Adapter,
    Codebook,
    FeatureNorm,
    LayerOrder,
    QuantizerDropout,
    SpeakerHead,
    WaveformConfig,
    WidePositions,
)
from specs.family import FamilyConfig
from specs.fields import Size
from specs.problems import Problem
from specs.values import View, plain


class Wav2Vec2Config(
    FeatureNorm, LayerOrder, WidePositions, Adapter, Codebook, QuantizerDropout, SpeakerHead, WaveformConfig
):
    """A wav2vec 2.0 encoder; what its published heads are made of is kept, and not computed with."""

    adapter_attn_dim: Size | None = Field(None, description="width of adapters inside the layers")


LEAKED = {
    "feat_extract_dropout": "dropout between convolutions, which the published class does not have",
    "gradient_checkpointing": "a training switch of the writing library",
    "hidden_dropout_prob": "a name of hidden_dropout that the published class never reads",
    "num_feat_extract_layers": "follows from conv_dim",
}
"""Fields that published files carry and that say nothing about this model."""


def leaked(config: type[FamilyConfig], **more: str) -> dict[str, str]:
    """Those of a family that came after wav2vec 2.0: its files often carry all fields of that one too."""
    others = Wav2Vec2Config.model_fields.keys() - config.model_fields.keys() - {"adapter_attn_dim"}
    reason = "a field of wav2vec 2.0 that the published class never reads"
    return {**LEAKED, **dict.fromkeys(sorted(others), reason), **more}


HEADS = frozenset(
    {
        "bos_token_id",
        "classifier_proj_size",
        "codevector_dim",
        "contrastive_logits_temperature",
        "ctc_loss_reduction",
        "ctc_zero_infinity",
        "diversity_loss_weight",
        "eos_token_id",
        "feat_quantizer_dropout",
        "final_dropout",
        "num_codevector_groups",
        "num_codevectors_per_group",
        "num_ctc_classes",
        "num_negatives",
        "pad_token_id",
        "proj_codevector_dim",
        "replace_prob",
        "tdnn_dilation",
        "tdnn_dim",
        "tdnn_kernel",
        "use_weighted_layer_sum",
        "vocab_size",
        "xvector_output_dim",
    }
)
"""Fields of the published heads, which an encoder does without."""

INERT = HEADS | {
    "activation_dropout",
    "apply_spec_augment",
    "attention_dropout",
    "feat_proj_dropout",
    "hidden_dropout",
    "initializer_range",
    "layerdrop",
    "mask_feature_length",
    "mask_feature_min_masks",
    "mask_feature_prob",
    "mask_time_length",
    "mask_time_min_masks",
    "mask_time_prob",
}
"""Fields that do not change what a trained encoder computes."""


def convolution_rules(c: View) -> Iterable[Problem]:
    """XL303 where the convolutions' lists differ in length."""
    counts = {name: len(getattr(c, name)) for name in ("conv_dim", "conv_kernel", "conv_stride")}
    if len(set(counts.values())) > 1:
        yield Problem(
            "XL303",
            "the convolutions have " + ", ".join(f"{n} numbers in {name}" for name, n in counts.items()),
            tuple((getattr(c, name).origin or "", f"{n} numbers") for name, n in counts.items()),
            info=("every convolution has its channels, its kernel width and its stride",),
            help=f"list {counts['conv_dim']} numbers in each",
        )


def adapter_rules(c: View) -> Iterable[Problem]:
    """XL116 for a width that only an adapter gives, without one."""
    if plain(c.output_hidden_size) not in (None, plain(c.hidden_size)) and not c.add_adapter:
        yield Problem(
            "XL116",
            f"without an adapter the encoder ends at width {plain(c.hidden_size)}, not "
            f"{plain(c.output_hidden_size)}",
            (
                (c.output_hidden_size.origin or "", "the width an adapter gives"),
                (c.add_adapter.origin or "", "no adapter"),
            ),
            info=("output_hidden_size is the width of an adapter, and nothing else reads it",),
            help="remove output_hidden_size, or set add_adapter to true",
        )


def rules(c: View) -> Iterable[Problem]:
    """What no single field shows, of encoders that may have an adapter."""
    yield from convolution_rules(c)
    yield from adapter_rules(c)
