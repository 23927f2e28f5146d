"""The fields of a wav2vec 2.0 config.json, with the class defaults of the published configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from specs.family import FamilyConfig
from specs.fields import Activation, Count, Depth, Deviation, Id, Ids, Rate, Size, Sizes
from specs.problems import Problem
from specs.values import View, plain


class WaveformConfig(FamilyConfig):
    """What encoders of raw audio share: convolutions, convolutional positions, transformer layers."""

    hidden_size: Size = Field(768, description="width of the transformer")
    num_hidden_layers: Depth = Field(12, description="transformer layers")
    num_attention_heads: Size = Field(12, description="attention heads of a layer")
    intermediate_size: Size = Field(3072, description="width inside the feed-forward networks")
    hidden_act: Activation = Field("gelu", description="activation of the feed-forward networks")
    hidden_dropout: Rate = Field(0.1, description="dropout on positions and sub-layer outputs")
    activation_dropout: Rate = Field(0.1, description="dropout on feed-forward activations")
    attention_dropout: Rate = Field(0.1, description="dropout on attention weights")
    feat_proj_dropout: Rate = Field(0.0, description="dropout on projected features")
    final_dropout: Rate = Field(0.1, description="dropout before a transcription head")
    layerdrop: Rate = Field(0.1, description="probability that training skips a layer")
    initializer_range: Deviation = Field(0.02, description="standard deviation of initial weights")
    layer_norm_eps: Deviation = Field(1e-5, description="added to variances by the transformer's norms")
    feat_extract_norm: Literal["group", "layer"] = Field(
        "group", description="first convolution normalised over time, or every one over its channels"
    )
    feat_extract_activation: Activation = Field("gelu", description="activation of the convolutions")
    conv_dim: Sizes = Field([512] * 7, description="channels of each convolution")
    conv_stride: Sizes = Field([5, 2, 2, 2, 2, 2, 2], description="stride of each convolution")
    conv_kernel: Sizes = Field([10, 3, 3, 3, 3, 2, 2], description="kernel width of each convolution")
    conv_bias: bool = Field(False, description="whether convolutions add a bias")
    num_conv_pos_embeddings: Size = Field(128, description="kernel width of the convolutional positions")
    num_conv_pos_embedding_groups: Size = Field(16, description="groups of the convolutional positions")
    do_stable_layer_norm: bool = Field(False, description="normalise before each sub-layer, and not after")
    apply_spec_augment: bool = Field(True, description="whether training hides spans at all")
    mask_time_prob: Rate = Field(0.05, description="share of the positions that training hides")
    mask_time_length: Size = Field(10, description="positions of a hidden span")
    mask_time_min_masks: Count = Field(2, description="fewest hidden spans of positions")
    mask_feature_prob: Rate = Field(0.0, description="share of the channels that training zeroes")
    mask_feature_length: Size = Field(10, description="channels of a zeroed span")
    mask_feature_min_masks: Count = Field(0, description="fewest zeroed spans of channels")
    ctc_loss_reduction: str = Field("sum", description="how the loss of a transcription head is summed")
    ctc_zero_infinity: bool = Field(False, description="whether that loss drops infinite terms")
    use_weighted_layer_sum: bool = Field(False, description="whether a classification head mixes all layers")
    classifier_proj_size: Size = Field(256, description="width inside a classification head")
    pad_token_id: Id | None = Field(0, description="id of padding, of a transcription head")
    bos_token_id: Id | None = Field(1, description="id of the beginning of a transcription")
    eos_token_id: Id | Ids | None = Field(2, description="id of the end of a transcription")


class Wav2Vec2Config(WaveformConfig):
    """A wav2vec 2.0 encoder; what its published heads are made of is kept, and not computed with."""

    vocab_size: Size | None = Field(32, description="number of ids of a transcription head")
    feat_quantizer_dropout: Rate = Field(0.0, description="dropout before the quantizer of pre-training")
    num_codevectors_per_group: Size = Field(320, description="codes a group, of pre-training")
    num_codevector_groups: Size = Field(2, description="groups of codes, of pre-training")
    contrastive_logits_temperature: float = Field(0.1, description="temperature of the pre-training loss")
    num_negatives: Count = Field(100, description="distractors of the pre-training loss")
    codevector_dim: Size = Field(256, description="width of a code of pre-training")
    proj_codevector_dim: Size = Field(256, description="width in which pre-training compares")
    diversity_loss_weight: float = Field(0.1, description="weight of a part of the pre-training loss")
    tdnn_dim: Sizes = Field([512, 512, 512, 512, 1500], description="channels of a speaker head")
    tdnn_kernel: Sizes = Field([5, 3, 3, 1, 1], description="kernel widths of a speaker head")
    tdnn_dilation: Sizes = Field([1, 2, 3, 1, 1], description="dilations of a speaker head")
    xvector_output_dim: Size = Field(512, description="width of a speaker vector")
    add_adapter: bool = Field(False, description="whether strided convolutions follow the transformer")
    adapter_kernel_size: Size = Field(3, description="kernel width of the adapter's convolutions")
    adapter_stride: Size = Field(2, description="stride of the adapter's convolutions")
    num_adapter_layers: Depth = Field(3, description="convolutions of the adapter")
    output_hidden_size: Size | None = Field(None, description="width the adapter gives; null for hidden_size")
    adapter_attn_dim: Size | None = Field(None, description="width of adapters inside the layers")


LEAKED = {
    "feat_extract_dropout": "dropout between convolutions, which the published class does not have",
    "gradient_checkpointing": "a training switch of the writing library",
    "hidden_dropout_prob": "a name of hidden_dropout that the published class never reads",
    "num_feat_extract_layers": "follows from conv_dim",
}
"""Fields that published files carry and that say nothing about this model."""

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
        "num_negatives",
        "pad_token_id",
        "proj_codevector_dim",
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


def rules(c: View) -> Iterable[Problem]:
    """What no single field shows: lists of one length, and what no block computes."""
    yield from convolution_rules(c)
    if plain(c.adapter_attn_dim) is not None and c.do_stable_layer_norm:
        yield Problem(
            "XL116",
            "adapters inside the layers are not supported",
            ((c.adapter_attn_dim.origin or "", f"adapters of width {plain(c.adapter_attn_dim)}"),),
            info=("each layer would add one more network, whose weights come in a file a language",),
            help="set adapter_attn_dim to null, and give a checkpoint without adapter_layer tensors",
        )
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
